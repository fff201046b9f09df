"""One ONVIF camera, asked over HTTP: who made it, what it shows, where its streams and pictures are.

A SOAP library that reads the WSDL files costs 60 MB and a third of a second; these are a dozen requests.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import aiohttp

from appliance.onvif import soap
from appliance.onvif.connection import Connection
from appliance.onvif.records import Records
from appliance.onvif.services import Services
from appliance.onvif.turning import Turning
from appliance.onvif.values import Credentials, Description, Profile

MOST_PROFILES = 64
SETUP = (
    "<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>"
    "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>"
)


class Device:
    """A camera at the address of its device service, for example `http://10.0.0.8/onvif/device_service`.

    Every method raises OnvifError, whose text a person can act on. Where a camera has the second media service, that
    one is asked: the first has no word for H.265.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, credentials: Credentials) -> None:
        """Ask over `session`; nothing is sent yet."""
        self._connection = Connection(session, url, credentials)
        self._services = Services(self._connection)

    def turning(self, profile_token: str) -> Turning:
        """Return what turns the camera of a profile; whether it can be turned shows when it is asked."""
        return Turning(self._services, profile_token)

    def records(self) -> Records:
        """Return what the camera has recorded itself; whether it records shows when it is asked."""
        return Records(self._services)

    async def describe(self) -> Description:
        """Return who made the camera and which streams it offers."""
        body = await self._connection.ask(self._connection.url, "<tds:GetDeviceInformation/>")
        answer = body.find("tds:GetDeviceInformationResponse", soap.NAMESPACES)
        return Description(
            manufacturer=soap.text(answer, "tds:Manufacturer")[:64],
            model=soap.text(answer, "tds:Model")[:64],
            firmware=soap.text(answer, "tds:FirmwareVersion")[:64],
            serial=soap.text(answer, "tds:SerialNumber")[:64],
            profiles=await self.profiles(),
        )

    async def profiles(self) -> tuple[Profile, ...]:
        """Return the streams that the camera offers, at most `MOST_PROFILES`."""
        if await self._services.has(soap.MEDIA_2):
            request = "<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>"
            found = (await self._services.ask(soap.MEDIA_2, request)).iterfind(
                "tr2:GetProfilesResponse/tr2:Profiles", soap.NAMESPACES
            )
            return _profiles(found, encoder="tr2:Configurations/tr2:VideoEncoder", ptz="tr2:Configurations/tr2:PTZ")
        body = await self._services.ask(soap.MEDIA, "<trt:GetProfiles/>")
        found = body.iterfind("trt:GetProfilesResponse/trt:Profiles", soap.NAMESPACES)
        return _profiles(found, encoder="tt:VideoEncoderConfiguration", ptz="tt:PTZConfiguration")

    async def stream_url(self, profile_token: str) -> str:
        """Return the rtsp address of a stream, without user information."""
        url = await self._uri("GetStreamUri", profile_token, first=SETUP, second="<tr2:Protocol>RTSP</tr2:Protocol>")
        return self._connection.stream_address(url)

    async def snapshot(self, profile_token: str) -> bytes:
        """Return a picture that the camera takes now, as it encodes it: JPEG by the standard."""
        url = await self._uri("GetSnapshotUri", profile_token)
        return await self._connection.fetch(self._connection.web_address(url))

    async def _uri(self, action: str, profile_token: str, *, first: str = "", second: str = "") -> str:
        """Return the address that a media service gives; `first` and `second` are its further arguments."""
        token = escape(profile_token)
        if await self._services.has(soap.MEDIA_2):
            request = f"<tr2:{action}>{second}<tr2:ProfileToken>{token}</tr2:ProfileToken></tr2:{action}>"
            return soap.text(await self._services.ask(soap.MEDIA_2, request), f"tr2:{action}Response/tr2:Uri")
        request = f"<trt:{action}>{first}<trt:ProfileToken>{token}</trt:ProfileToken></trt:{action}>"
        body = await self._services.ask(soap.MEDIA, request)
        return soap.text(body, f"trt:{action}Response/trt:MediaUri/tt:Uri")


def _profiles(found: Iterable[Element], *, encoder: str, ptz: str) -> tuple[Profile, ...]:
    return tuple(
        _profile(one, one.find(encoder, soap.NAMESPACES), can_turn=one.find(ptz, soap.NAMESPACES) is not None)
        for one, _ in zip(found, range(MOST_PROFILES), strict=False)
        if one.get("token")
    )


def _profile(element: Element, encoder: Element | None, *, can_turn: bool) -> Profile:
    name = soap.text(element, "tt:Name") or soap.text(element, "tr2:Name")
    return Profile(
        token=element.get("token", "")[:64],
        name=name[:64],
        encoding=soap.text(encoder, "tt:Encoding").upper()[:16],
        width_px=int(soap.number(encoder, "tt:Resolution/tt:Width")),
        height_px=int(soap.number(encoder, "tt:Resolution/tt:Height")),
        fps=soap.number(encoder, "tt:RateControl/tt:FrameRateLimit"),
        bitrate_kbps=int(soap.number(encoder, "tt:RateControl/tt:BitrateLimit")),
        gop_frames=_gop_frames(encoder),
        can_turn=can_turn,
    )


def _gop_frames(encoder: Element | None) -> int:
    told = soap.number(encoder, "tt:H264/tt:GovLength")
    declared = "" if encoder is None else encoder.get("GovLength", "")[:9]
    return int(told or (declared if declared.isdecimal() else 0))
