"""TLS towards a camera: whom to trust is said for each camera."""

import hashlib
import hmac
import re
import ssl
from functools import cache

from appliance.streams.errors import Refused

VERIFY = "verify"
UNVERIFIED = "none"
_PIN = re.compile(r"sha256:([0-9a-f]{64})\Z")


def context(trust: str) -> ssl.SSLContext:
    """Return the context for `trust`: `verify`, `none`, or `sha256:` and the certificate's fingerprint. Blocks."""
    return _verifying() if trust == VERIFY else _unverifying()


def check(trust: str, connection: ssl.SSLObject) -> None:
    """Raise Refused unless the camera's certificate is the one that `trust` names, where it names one."""
    if trust in {VERIFY, UNVERIFIED}:
        return
    pin = _PIN.match(trust)
    seen = fingerprint(connection.getpeercert(binary_form=True) or b"")
    if pin is None or not hmac.compare_digest(pin[1], seen):
        raise Refused("untrusted", f"the camera shows the certificate sha256:{seen}, which is not the one expected")


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 digest of a certificate in DER form, in hex."""
    return hashlib.sha256(certificate).hexdigest()


@cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _unverifying() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # cameras bring certificates of their own; the pin is compared, if there is one
    return made
