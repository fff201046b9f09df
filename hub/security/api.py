"""Users and the audit over HTTP; signing in is `federation.http.sign_in`."""

from aiohttp import web

from federation.http import Access, Call, Page, Routes
from hub.security.audit import Actor
from hub.security.model import ADMINISTER, AUDIT, AuditEntry, AuditQuery, FirstPassword, User, UserChange, UserDraft
from hub.security.service import Security
from hub.spreadsheet import send

CAN_ADMINISTER = Access(permission=ADMINISTER)
CAN_AUDIT = Access(permission=AUDIT)


def routes(security: Security) -> Routes:
    """Return the operations on users and the audit."""
    part = Routes(tag="security")

    @part.get("/api/v1/users", access=CAN_ADMINISTER)
    async def list_users() -> Page[User]:
        """List all accounts, by user name."""
        return await security.list_users()

    @part.post("/api/v1/users", access=CAN_ADMINISTER, status=201)
    async def create_user(call: Call, body: UserDraft) -> FirstPassword:
        """Create an account; its first password is shown this once."""
        return await security.create_user(body, Actor.of(call))

    @part.patch("/api/v1/users/{user_id}", access=CAN_ADMINISTER)
    async def change_user(call: Call, user_id: str, body: UserChange) -> User:
        """Change name, role or standing of an account."""
        return await security.change_user(user_id, body, Actor.of(call), call.principal.id)

    @part.delete("/api/v1/users/{user_id}", access=CAN_ADMINISTER)
    async def remove_user(call: Call, user_id: str) -> None:
        """Remove an account and end its sessions."""
        await security.remove_user(user_id, Actor.of(call), call.principal.id)

    @part.post("/api/v1/users/{user_id}/password-reset", access=CAN_ADMINISTER)
    async def reset_password(call: Call, user_id: str) -> FirstPassword:
        """Give an account a new first password, which is shown this once."""
        return await security.reset_password(user_id, Actor.of(call))

    @part.get("/api/v1/audit", access=CAN_AUDIT)
    async def list_audit(query: AuditQuery) -> Page[AuditEntry]:
        """List changes and sign-ins, newest first."""
        return await security.list_audit(query)

    @part.get("/api/v1/audit/export.csv", access=CAN_AUDIT, produces="text/csv")
    async def export_audit(call: Call, query: AuditQuery) -> web.StreamResponse:
        """Export the audit as CSV, newest first."""
        return await send(call, "audit.csv", list(AuditEntry.model_fields), security.export_audit(query))

    return part
