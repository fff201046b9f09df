"""Who calls the hub: a person, a node, a subscriber, a metrics collector, or the console of the machine."""

import base64
import binascii
import hmac
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from federation.http import Principal, Problem
from federation.http.sign_in import SignIn

TokenResolver = Callable[[str], Awaitable[Principal | None]]
"""Returns who holds a bearer token, or None if it is not its kind of token."""

PasswordResolver = Callable[[str, str], Awaitable[Principal | None]]
"""Returns who has this user name and password of HTTP Basic, or None."""

CONSOLE = Principal(kind="console", id="console", name="console", permissions=frozenset({"*"}))
METRICS = "metrics"


class HubAuthenticator:
    """Implements `federation.http.Authenticator`: parts add resolvers for the tokens that they issue."""

    def __init__(self, sign_in: SignIn) -> None:
        """Recognise people by `sign_in`."""
        self._sign_in = sign_in
        self._tokens: list[TokenResolver] = []
        self._passwords: list[PasswordResolver] = []

    def accept_tokens(self, resolver: TokenResolver) -> None:
        """Ask `resolver` about bearer tokens."""
        self._tokens.append(resolver)

    def accept_passwords(self, resolver: PasswordResolver) -> None:
        """Ask `resolver` about HTTP Basic credentials."""
        self._passwords.append(resolver)

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the caller, None for an anonymous one; raise Problem for bad credentials."""
        if _came_by_console(request):
            return CONSOLE
        header = request.headers.get("Authorization")
        if header is None:
            return await self._sign_in.authenticate(request)
        found = await self._resolve(header)
        if found is None:
            raise Problem(401, "credentials_wrong", "The Authorization header names nobody who is known here.")
        return found

    async def _resolve(self, header: str) -> Principal | None:
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() == "bearer" and value:
            for token_resolver in self._tokens:
                found = await token_resolver(value)
                if found is not None:
                    return found
        if scheme.lower() == "basic":
            username, password = _basic(value)
            for password_resolver in self._passwords:
                found = await password_resolver(username, password)
                if found is not None:
                    return found
        return None


def scraper_by(token: str) -> TokenResolver:
    """Return what recognises the metrics collector by its token."""

    async def resolve(given: str) -> Principal | None:
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            return None
        return Principal(kind="scraper", id="scraper", name="scraper", permissions=frozenset({METRICS}))

    return resolve


def _came_by_console(request: web.Request) -> bool:
    # The Unix socket lies in a folder that only the owner may enter: the kernel has checked who calls.
    connection = request.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX


def _basic(value: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password
