"""Answers to the challenges of a camera: Digest (RFC 7616, RFC 2069) and Basic (RFC 7617)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.streams.errors import Refused

_PARAMETER = re.compile(r'([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"": "md5", "md5": "md5", "sha-256": "sha256"}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A camera's user name and password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a camera asks for in `WWW-Authenticate`."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = ""
    qop: bool = False
    stale: bool = False


def read_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges that can be answered, the strongest first; others are left out."""
    found = [challenge for text in headers for challenge in [_read(text)] if challenge is not None]
    return sorted(found, key=_strength)


class Authorizer:
    """Makes the `Authorization` header of each request, after the camera has asked for one.

    Without `allow_basic` a password is never sent as it is: a redirect may have led to another host.
    """

    def __init__(self, credentials: Credentials, *, allow_basic: bool = True) -> None:
        self._credentials = credentials
        self._allow_basic = allow_basic
        self._challenge: Challenge | None = None
        self._count = 0

    def take(self, challenges: list[Challenge], *, answered: bool) -> bool:
        """Adopt the strongest challenge; tell whether a further try with it can help.

        `answered` says that this very request has answered one already: then the password is wrong, unless the
        camera says that only the nonce was too old.
        """
        usable = [item for item in challenges if item.scheme != "basic" or self._allow_basic]
        if not usable or not self._credentials.username or (answered and not usable[0].stale):
            return False
        self._challenge, self._count = usable[0], 0
        return True

    def refusal(self) -> Refused:
        """Return why the camera does not let us in."""
        if not self._credentials.username:
            return Refused("password_needed", "the camera wants a user name and a password")
        if self._challenge is None:
            return Refused("unknown_scheme", "the camera asks for the password in a way that is not known here")
        return Refused("wrong_password", "the camera refuses this user name or password")

    def header(self, method: str, url: str) -> str | None:
        """Return the header's value for one request, None while nothing has been asked."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            pair = f"{self._credentials.username}:{self._credentials.password}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        self._count += 1
        return digest_header(
            challenge, self._credentials, method=method, url=url, count=self._count, cnonce=secrets.token_hex(8)
        )


def digest_header(
    challenge: Challenge, credentials: Credentials, *, method: str, url: str, count: int, cnonce: str
) -> str:
    """Return the value of an `Authorization: Digest` header; `count` is that of the nonce's uses."""
    kind = _HASHES[challenge.algorithm]

    def hashed(text: str) -> str:
        return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()

    secret = hashed(f"{credentials.username}:{challenge.realm}:{credentials.password}")
    action = hashed(f"{method}:{url}")
    fields = [
        f'username="{_quoted(credentials.username)}"',
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(challenge.nonce)}"',
        f'uri="{url}"',
    ]
    if challenge.qop:
        nc = f"{count:08x}"
        answer = hashed(f"{secret}:{challenge.nonce}:{nc}:{cnonce}:auth:{action}")
        fields += ["qop=auth", f"nc={nc}", f'cnonce="{cnonce}"']
    else:
        answer = hashed(f"{secret}:{challenge.nonce}:{action}")
    fields.append(f'response="{answer}"')
    if challenge.algorithm:
        fields.append(f"algorithm={challenge.algorithm.upper()}")
    if challenge.opaque is not None:
        fields.append(f'opaque="{_quoted(challenge.opaque)}"')
    return "Digest " + ", ".join(fields)


def _read(text: str) -> Challenge | None:
    scheme, _, rest = text.strip().partition(" ")
    values = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(rest)
    }
    if scheme.lower() == "basic":
        return Challenge(scheme="basic", realm=values.get("realm", ""))
    algorithm = values.get("algorithm", "").lower()
    offered = [item.strip().lower() for item in values.get("qop", "").split(",") if item.strip()]
    if scheme.lower() != "digest" or algorithm not in _HASHES or (offered and "auth" not in offered):
        return None
    return Challenge(
        scheme="digest",
        realm=values.get("realm", ""),
        nonce=values.get("nonce", ""),
        opaque=values.get("opaque"),
        algorithm=algorithm,
        qop=bool(offered),
        stale=values.get("stale", "").lower() == "true",
    )


def _strength(challenge: Challenge) -> tuple[bool, bool]:
    return challenge.scheme != "digest", challenge.algorithm != "sha-256"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
