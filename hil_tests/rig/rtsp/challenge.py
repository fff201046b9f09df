"""What a virtual camera asks of those who want to see: Digest as in RFC 7616 and RFC 2069, or Basic."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from hil_tests.rig.rtsp.behaviour import Behaviour, Scheme

REALM = "Fengsui virtual camera"
_FIELD = re.compile(r'(\w{1,32})\s*=\s*(?:"([^"]*)"|([^\s,"]+))')


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A user name and a password; the password never shows in `repr`."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a server asks for; `stale` says that only the nonce of the last answer was too old."""

    realm: str
    nonce: str
    scheme: Scheme = "digest"
    stale: bool = False

    def header(self) -> str:
        """Return the value of WWW-Authenticate."""
        if self.scheme == "basic":
            return f'Basic realm="{self.realm}"'
        parts = [f'realm="{self.realm}"', f'nonce="{self.nonce}"']
        parts.append("algorithm=SHA-256" if self.scheme == "digest-sha256" else 'algorithm="MD5"')
        if self.scheme != "digest":
            parts.append('qop="auth"')
        if self.stale:
            parts.append("stale=true")
        return "Digest " + ", ".join(parts)

    def is_met(self, *, authorization: str, method: str, uri: str, credentials: Credentials) -> bool:
        """Tell whether the Authorization header of a request proves that its sender knows the password."""
        kind, _, rest = authorization.partition(" ")
        if self.scheme == "basic":
            pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode())
            return kind.lower() == "basic" and hmac.compare_digest(rest.strip().encode(), pair)
        given = {name: quoted or plain for name, quoted, plain in _FIELD.findall(rest)}
        if kind.lower() != "digest" or given.get("nonce") != self.nonce or given.get("uri") != uri:
            return False
        same_user = hmac.compare_digest(given.get("username", "").encode(), credentials.username.encode())
        expected = self._answer(given, method, credentials)
        return same_user and hmac.compare_digest(given.get("response", "").lower().encode(), expected.encode())

    def _answer(self, given: Mapping[str, str], method: str, credentials: Credentials) -> str:
        kind = "sha256" if self.scheme == "digest-sha256" else "md5"

        def hashed(text: str) -> str:
            return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()

        secret = hashed(f"{credentials.username}:{self.realm}:{credentials.password}")
        action = hashed(f"{method}:{given.get('uri', '')}")
        if self.scheme == "digest":
            return hashed(f"{secret}:{self.nonce}:{action}")
        return hashed(f"{secret}:{self.nonce}:{given.get('nc')}:{given.get('cnonce')}:{given.get('qop')}:{action}")


class Doorman:
    """Decides about the requests of one connection, as its camera behaves."""

    def __init__(self, credentials: Credentials) -> None:
        """Ask for these credentials."""
        self._credentials = credentials
        self._nonce = secrets.token_hex(16)
        self._uses = 0
        self._is_stale = False

    def challenge(self, behaviour: Behaviour) -> Challenge:
        """Return what is asked for now."""
        return Challenge(realm=REALM, nonce=self._nonce, scheme=behaviour.scheme, stale=self._is_stale)

    def admits(self, behaviour: Behaviour, *, authorization: str, method: str, uri: str) -> bool:
        """Tell whether a request proves that its sender knows the password, and whether that counts now."""
        self._is_stale = False
        if behaviour.storms:
            self._nonce = secrets.token_hex(16)
        met = self.challenge(behaviour).is_met(
            authorization=authorization, method=method, uri=uri, credentials=self._credentials
        )
        if behaviour.refuses or behaviour.storms or not met:
            return False
        self._uses += 1
        if behaviour.nonce_uses and self._uses > behaviour.nonce_uses:
            self._nonce, self._uses, self._is_stale = secrets.token_hex(16), 0, True
            return False
        return True
