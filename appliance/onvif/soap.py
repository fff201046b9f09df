"""SOAP 1.2 as ONVIF speaks it: envelopes, the user's token, and answers that come from strangers."""

import base64
import hashlib
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from appliance.onvif.errors import DeviceFault, NotAuthorized, NotOnvif, NotSupported, OnvifError
from appliance.onvif.values import Credentials

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA_2 = "http://www.onvif.org/ver20/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SEARCH = "http://www.onvif.org/ver10/search/wsdl"
REPLAY = "http://www.onvif.org/ver10/replay/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"

NAMESPACES = {
    "s": ENVELOPE,
    "tds": DEVICE,
    "trt": MEDIA,
    "tr2": MEDIA_2,
    "tptz": PTZ,
    "tse": SEARCH,
    "trp": REPLAY,
    "tt": SCHEMA,
    "ter": "http://www.onvif.org/ver10/error",
    "wsa": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
}
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
ENCODING = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
DEEPEST = 64
LONGEST_REASON = 200
_DECLARED = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())


def envelope(body: str, header: str = "") -> bytes:
    """Return a whole message; `body` and `header` are XML that uses the prefixes of `NAMESPACES`."""
    text = f"<s:Envelope {_DECLARED}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


def user_token(credentials: Credentials, *, created: datetime, nonce: bytes) -> str:
    """Return the header that proves the user (WS-Security UsernameToken Profile 1.1, 3.1).

    `created` is the camera's own time, aware and in UTC: it refuses what seems old.
    """
    moment = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    # The standard says SHA-1 of nonce, moment and password; nothing else is understood by cameras.
    digest = hashlib.sha1(nonce + moment.encode() + credentials.password.encode(), usedforsecurity=False).digest()
    return (
        f'<w:Security xmlns:w="{SECURITY}" s:mustUnderstand="1"><w:UsernameToken>'
        f"<w:Username>{escape(credentials.username)}</w:Username>"
        f'<w:Password Type="{DIGEST}">{base64.b64encode(digest).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{ENCODING}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f'<u:Created xmlns:u="{UTILITY}">{moment}</u:Created>'
        "</w:UsernameToken></w:Security>"
    )


def read(content: bytes) -> Element:
    """Return the body of an answer; raise NotOnvif for what is no SOAP, or the error that the fault in it means."""
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise NotOnvif("what answers at this address speaks no ONVIF; check the address") from error
    body = root.find("s:Body", NAMESPACES)
    if body is None or _depth(root) > DEEPEST:
        raise NotOnvif("what answers at this address speaks no ONVIF; check the address")
    fault = body.find("s:Fault", NAMESPACES)
    if fault is not None:
        raise meaning_of(fault)
    return body


def meaning_of(fault: Element) -> OnvifError:
    """Return the error that a SOAP fault stands for (ONVIF Core Specification, 5.8.2)."""
    codes = " ".join(value.text or "" for value in fault.iterfind(".//s:Value", NAMESPACES))
    reason = (fault.findtext("s:Reason/s:Text", "", NAMESPACES).strip() or codes)[:LONGEST_REASON]
    if "NotAuthorized" in codes or "FailedAuthentication" in codes:
        return NotAuthorized(f"the camera refuses this user name or password: {reason}")
    if "ActionNotSupported" in codes or "OptionalActionNotImplemented" in codes:
        return NotSupported(f"the camera cannot do this: {reason}")
    return DeviceFault(f"the camera refuses: {reason}")


def text(element: Element | None, path: str) -> str:
    """Return the text at `path` below `element`, empty where there is none."""
    return "" if element is None else (element.findtext(path, "", NAMESPACES) or "").strip()


def number(element: Element | None, path: str) -> float:
    """Return the number at `path` below `element`, 0 where there is none that makes sense."""
    try:
        found = float(text(element, path))
    except ValueError:
        return 0.0
    return found if 0.0 <= found < 1e9 else 0.0


def moment(body: Element) -> datetime:
    """Return the UTC time that a camera tells, or our own where it tells none that makes sense."""
    found = body.find(".//tt:UTCDateTime", NAMESPACES)
    year, month, day = (int(number(found, f"tt:Date/tt:{part}")) for part in ("Year", "Month", "Day"))
    hour, minute, second = (int(number(found, f"tt:Time/tt:{part}")) for part in ("Hour", "Minute", "Second"))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC)


def _depth(root: Element) -> int:
    deepest, level = 0, [root]
    while level and deepest <= DEEPEST:
        deepest += 1
        level = [child for element in level for child in element]
    return deepest
