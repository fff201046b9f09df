"""The HTTP side of a simulated camera: judges who asks, and does what it is told."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from xml.etree.ElementTree import Element

from aiohttp import web
from defusedxml.ElementTree import fromstring

from hil_tests.rig.onvif import answers
from hil_tests.rig.onvif.camera import Proof, SimulatedCamera, View
from hil_tests.rig.rtsp.challenge import Challenge, Credentials

HOST = "127.0.0.1"
TOKEN_AGE = timedelta(seconds=5)  # what the standard recommends
NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "w": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "u": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
}
DEVICE, MEDIA, MEDIA_2, PTZ = "/onvif/device_service", "/onvif/media", "/onvif/media2", "/onvif/ptz"
SEARCH, REPLAY = "/onvif/search", "/onvif/replay"
PICTURE = "/onvif/snapshot.jpg"
XML = "application/soap+xml"


@dataclass(frozen=True, kw_only=True)
class ServedCamera:
    """A camera on air: `url` is the address of its device service."""

    camera: SimulatedCamera
    url: str


@asynccontextmanager
async def served(camera: SimulatedCamera, *, host: str = HOST, port: int = 0) -> AsyncIterator[ServedCamera]:
    """Serve a simulated camera for as long as the context is open."""
    service = _Service(camera)
    app = web.Application()
    for path in (DEVICE, MEDIA, MEDIA_2, PTZ, SEARCH, REPLAY):
        app.router.add_post(path, service.answer)
    app.router.add_get(PICTURE, service.picture)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        service.place = f"{host}:{runner.addresses[0][1]}"
        yield ServedCamera(camera=camera, url=f"http://{service.place}{DEVICE}")
    finally:
        await runner.cleanup()


class _Service:
    """Answers the requests of one camera."""

    def __init__(self, camera: SimulatedCamera) -> None:
        self.place = ""
        self._camera = camera
        self._challenge = Challenge(realm="camera", nonce=hashlib.sha256(camera.serial.encode()).hexdigest()[:32])

    async def answer(self, request: web.Request) -> web.Response:
        behaviour = self._camera.behaviour
        await asyncio.sleep(behaviour.pause_s)
        if behaviour.answers is not None:
            return web.Response(body=behaviour.answers, content_type=XML)
        root = fromstring(await request.read())
        body = cast("Element", root.find("s:Body", NAMES))
        operation = body[0]
        name = operation.tag.rpartition("}")[2]
        self._camera.requests.append(name)
        if name != "GetSystemDateAndTime":
            refusal = self._refusal(request, root)
            if refusal is not None:
                return refusal
        text = self._do(name, operation, request.path)
        if text is None:
            return _fault(400, "ter:ActionNotSupported", f"{name} is not supported")
        return text if isinstance(text, web.Response) else _answer(answers.message(text))

    async def picture(self, request: web.Request) -> web.Response:
        if not self._proven_by_digest(request):
            return self._challenged()
        return web.Response(body=self._camera.picture(self._camera.view()), content_type="image/jpeg")

    def _do(self, name: str, operation: Element, path: str) -> str | web.Response | None:
        camera = self._camera
        plain: dict[str, Callable[[], str]] = {
            "GetSystemDateAndTime": lambda: answers.clock(camera),
            "GetDeviceInformation": lambda: answers.information(camera),
            "GetCapabilities": lambda: answers.capabilities(
                self._url(MEDIA), self._url(PTZ) if camera.behaviour.turns else ""
            ),
        }
        if name in plain:
            return plain[name]()
        if name == "GetServices":
            return answers.services(self._addresses()) if camera.behaviour.lists_services else None
        if path in {MEDIA, MEDIA_2}:
            return self._show(name, operation, second=path == MEDIA_2)
        if path == PTZ and camera.behaviour.turns:
            return self._turn(name, operation)
        if path in {SEARCH, REPLAY}:
            return self._recall(name, operation)
        return None

    def _show(self, name: str, operation: Element, *, second: bool) -> str | web.Response | None:
        if name == "GetProfiles":
            return answers.second_profiles(self._camera) if second else answers.first_profiles(self._camera)
        if _named(operation, "ProfileToken") != answers.PROFILE:
            return _fault(400, "ter:NoProfile", "there is no such profile")
        urls = {"GetStreamUri": self._stream_url(), "GetSnapshotUri": self._url(PICTURE)}
        if name not in urls:
            return None
        if second:
            return f"<tr2:{name}Response><tr2:Uri>{urls[name]}</tr2:Uri></tr2:{name}Response>"
        return f"<trt:{name}Response><trt:MediaUri><tt:Uri>{urls[name]}</tt:Uri></trt:MediaUri></trt:{name}Response>"

    def _turn(self, name: str, operation: Element) -> str | web.Response | None:
        camera = self._camera
        if _named(operation, "ProfileToken") != answers.PROFILE:
            return _fault(400, "ter:NoProfile", "there is no such profile")
        match name:
            case "GetPresets":
                return answers.presets(camera)
            case "GetStatus":
                return answers.status(camera)
            case "GotoPreset":
                known = camera.presets.get(_named(operation, "PresetToken"))
                if known is None:
                    return _fault(400, "ter:NoToken", "there is no such preset")
                camera.turn_to(known[1])
            case "AbsoluteMove":
                camera.turn_to(_view(operation, "Position"))
            case "RelativeMove":
                camera.turn_by(_view(operation, "Translation"))
            case "ContinuousMove":
                camera.keep_turning(_view(operation, "Velocity"), float(_named(operation, "Timeout")[2:-1]))
            case "Stop":
                camera.stop()
            case _:
                return None
        return f"<tptz:{name}Response/>"

    def _recall(self, name: str, operation: Element) -> str | web.Response | None:
        match name:
            case "FindRecordings":
                return "<tse:FindRecordingsResponse><tse:SearchToken>s1</tse:SearchToken></tse:FindRecordingsResponse>"
            case "GetRecordingSearchResults":
                return answers.records(self._camera)
            case "GetReplayUri":
                urls = {record.token: record.url for record in self._camera.records}
                url = urls.get(_named(operation, "RecordingToken"))
                if url is None:
                    return _fault(400, "ter:NoRecording", "there is no such recording")
                return f"<trp:GetReplayUriResponse><trp:Uri>{url}</trp:Uri></trp:GetReplayUriResponse>"
            case _:
                return None

    def _addresses(self) -> dict[str, str]:
        behaviour = self._camera.behaviour
        found = {answers_of("device"): self._url(DEVICE), answers_of("media"): self._url(MEDIA)}
        if behaviour.second_media:
            found["http://www.onvif.org/ver20/media/wsdl"] = self._url(MEDIA_2)
        if behaviour.turns:
            found["http://www.onvif.org/ver20/ptz/wsdl"] = self._url(PTZ)
        if self._camera.records:
            found[answers_of("search")] = self._url(SEARCH)
            found[answers_of("replay")] = self._url(REPLAY)
        return found

    def _url(self, path: str) -> str:
        told = self._camera.behaviour.told_host
        return f"http://{told or self.place}{path}"

    def _stream_url(self) -> str:
        told = self._camera.behaviour.told_host
        url = self._camera.stream_url
        return url if not told else url.replace(f"//{HOST}", f"//{told}")

    def _refusal(self, request: web.Request, root: Element) -> web.Response | None:
        camera = self._camera
        if not camera.username:
            return None
        by_token = camera.behaviour.proof is not Proof.HTTP_DIGEST and self._proven_by_token(root)
        by_digest = camera.behaviour.proof is not Proof.TOKEN and self._proven_by_digest(request)
        if by_token or by_digest:
            return None
        if camera.behaviour.proof is Proof.TOKEN:
            return _fault(400, "ter:NotAuthorized", "Sender not Authorized")
        return self._challenged()

    def _challenged(self) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": self._challenge.header()})

    def _proven_by_digest(self, request: web.Request) -> bool:
        camera = self._camera
        return not camera.username or self._challenge.is_met(
            authorization=request.headers.get("Authorization", ""),
            method=request.method,
            uri=request.path_qs,
            credentials=Credentials(username=camera.username, password=camera.password),
        )

    def _proven_by_token(self, root: Element) -> bool:
        token = root.find("s:Header/w:Security/w:UsernameToken", NAMES)
        if token is None or token.findtext("w:Username", "", NAMES) != self._camera.username:
            return False
        created = token.findtext("u:Created", "", NAMES)
        now = datetime.now(UTC) + self._camera.behaviour.clock_ahead
        if abs(datetime.fromisoformat(created) - now) > TOKEN_AGE:
            return False
        nonce = base64.b64decode(token.findtext("w:Nonce", "", NAMES))
        secret = nonce + created.encode() + self._camera.password.encode()
        expected = base64.b64encode(hashlib.sha1(secret, usedforsecurity=False).digest()).decode()
        return token.findtext("w:Password", "", NAMES) == expected


def answers_of(service: str) -> str:
    """Return the namespace of a first service, for example `device` or `media`."""
    return f"http://www.onvif.org/ver10/{service}/wsdl"


def _named(operation: Element, name: str) -> str:
    return next((child.text or "" for child in operation if child.tag.endswith("}" + name)), "")


def _view(operation: Element, name: str) -> View:
    vector = operation.find(f"tptz:{name}", NAMES)
    pan_tilt = None if vector is None else vector.find("tt:PanTilt", NAMES)
    zoom = None if vector is None else vector.find("tt:Zoom", NAMES)
    return View(pan=_share(pan_tilt, "x"), tilt=_share(pan_tilt, "y"), zoom=_share(zoom, "x"))


def _share(element: Element | None, name: str) -> float:
    return 0.0 if element is None else float(element.get(name, "0"))


def _answer(content: bytes, status: int = 200) -> web.Response:
    return web.Response(body=content, status=status, content_type=XML)


def _fault(status: int, subcode: str, reason: str) -> web.Response:
    return _answer(answers.fault(subcode, reason), status)
