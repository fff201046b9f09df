"""Users, roles, sessions and the audit, as they go over the wire."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from federation.http import Input, Output, PageQuery
from federation.messages import Slug

Username = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,31}$")]
NewPassword = Annotated[str, StringConstraints(min_length=10, max_length=128, strip_whitespace=False)]
GivenPassword = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=False)]


class Role(StrEnum):
    """What a person does here: 管理员, 操作员, 审计员, 观察员."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    VIEWER = "viewer"


READ = "read"  # see points, nodes, tasks, algorithms, events
JUDGE = "judge"  # adjudicate events
OPERATE = "operate"  # change points, tasks, nodes, algorithms, subscriptions
ADMINISTER = "administer"  # users
AUDIT = "audit"  # read the audit

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.ADMINISTRATOR: frozenset({READ, JUDGE, OPERATE, ADMINISTER, AUDIT}),
    Role.OPERATOR: frozenset({READ, JUDGE, OPERATE}),
    Role.AUDITOR: frozenset({READ, AUDIT}),
    Role.VIEWER: frozenset({READ}),
}


class User(Output):
    """One person's account; `locked_until` is set after too many failed sign-ins."""

    id: str
    username: str
    display_name: str
    role: Role
    disabled: bool
    must_change_password: bool
    locked_until: AwareDatetime | None = None
    created_at: AwareDatetime
    last_sign_in_at: AwareDatetime | None = None


class UserDraft(Input):
    """A new account; its first password is made by the hub and shown once."""

    username: Username
    display_name: str = Field(min_length=1, max_length=64)
    role: Role


class UserChange(Input):
    """What an administrator changes of an account; fields that are absent stay."""

    display_name: str | None = Field(default=None, min_length=1, max_length=64)
    role: Role | None = None
    disabled: bool | None = None


class FirstPassword(Output):
    """An account with its first password, which is shown this once."""

    user: User
    first_password: str


class AuditEntry(Output):
    """One change or sign-in: who, from where, what, to which object, with what outcome."""

    id: str
    at: AwareDatetime
    actor_kind: str
    actor: str
    peer: str
    action: str = Field(description="e.g. `task.create`, `session.failed`")
    subject: str = Field(description="e.g. `task:0198…`")
    succeeded: bool
    detail: dict[str, Any]
    node_id: str = Field(description="the appliance on which it happened; empty: at this hub")


class AuditQuery(PageQuery):
    """Filters of the audit list, newest first."""

    actor: str | None = Field(default=None, max_length=64)
    action: str | None = Field(default=None, max_length=64, description="exact, or a prefix ending in a dot")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    node_id: Slug | None = Field(default=None, description="what happened on this appliance")
