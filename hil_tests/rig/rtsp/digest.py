"""Digest authentication with MD5, as cameras do it (RFC 2617 without qop)."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

_FIELD = re.compile(r'(\w{1,32})\s*=\s*"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A user name and a password; the password never shows in `repr`."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What the server asks of one connection."""

    realm: str
    nonce: str

    def header(self) -> str:
        """Return the value of WWW-Authenticate."""
        return f'Digest realm="{self.realm}", nonce="{self.nonce}", algorithm="MD5"'

    def is_met(self, *, authorization: str, method: str, uri: str, credentials: Credentials) -> bool:
        """Tell whether the Authorization header of a request proves that its sender knows the password."""
        scheme, _, rest = authorization.partition(" ")
        given = dict(_FIELD.findall(rest))
        if scheme.lower() != "digest" or given.get("nonce") != self.nonce or given.get("uri") != uri:
            return False
        secret = _md5(f"{credentials.username}:{self.realm}:{credentials.password}")
        expected = _md5(f"{secret}:{self.nonce}:{_md5(f'{method}:{uri}')}")
        same_user = hmac.compare_digest(given.get("username", "").encode(), credentials.username.encode())
        same_answer = hmac.compare_digest(given.get("response", "").lower().encode(), expected.encode())
        return same_user and same_answer


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
