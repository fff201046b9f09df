"""The HTTP exchange with one ONVIF camera: proof of the user, its clock, addresses that lead nowhere, bounds."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xml.etree.ElementTree import Element

import aiohttp

from appliance.onvif import soap
from appliance.onvif.errors import DeviceUnreachable, NotAuthorized, NotOnvif, NotSupported
from appliance.onvif.values import Credentials

ANSWER_WITHIN_S = 10.0
LARGEST_ANSWER_BYTES = 2**20
LARGEST_PICTURE_BYTES = 32 * 2**20
CHUNK_BYTES = 64 * 2**10
NONCE_BYTES = 16
CLOCK_MOVED = timedelta(seconds=2)


class Connection:
    """Asks the camera whose device service is at `url`; raises OnvifError for whatever goes wrong."""

    def __init__(self, session: aiohttp.ClientSession, url: str, credentials: Credentials) -> None:
        """Ask over `session`; nothing is sent yet."""
        self.url = url
        self._session = session
        self._credentials = credentials
        self._offset: timedelta | None = None

    async def ask(self, url: str, request: str) -> Element:
        """Return the body of the answer to `request`, which is the XML of one operation.

        A camera that was restarted with another clock refuses our token: it is asked again once, by its new clock.
        """
        if not self._credentials.username:
            return await self._post(url, soap.envelope(request))
        known = self._offset is not None
        offset = await self._clock_offset() if self._offset is None else self._offset
        try:
            return await self._post(url, soap.envelope(request, self._token(offset)))
        except NotAuthorized:
            if not known or abs(await self._clock_offset() - offset) < CLOCK_MOVED:
                raise
        return await self._post(url, soap.envelope(request, self._token(self._offset or offset)))

    async def fetch(self, url: str) -> bytes:
        """Return what lies at a web address of the camera, at most `LARGEST_PICTURE_BYTES`."""
        try:
            async with self._session.get(
                url, timeout=_within(ANSWER_WITHIN_S), allow_redirects=False, **self._proof()
            ) as answer:
                if answer.status in {401, 403}:
                    raise NotAuthorized("the camera refuses its picture to this user; check name and password")
                if answer.status != 200:
                    raise NotSupported(f"the camera gives no picture: it answers with status {answer.status}")
                return await _content(answer, LARGEST_PICTURE_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeviceUnreachable(f"the camera gives no picture within {ANSWER_WITHIN_S:.0f} s") from error

    def web_address(self, url: str) -> str:
        """Return a web address that the camera gave, where we reach it.

        Behind address translation, or after a move, cameras tell an address of their own that leads nowhere: host and
        port are then those that we know.
        """
        given, ours = _parts(url, ("http", "https")), urlsplit(self.url)
        place = given.netloc if given.hostname == ours.hostname else ours.netloc
        return _address(given.scheme, place, given.path, given.query)

    def stream_address(self, url: str) -> str:
        """Return an rtsp address that the camera gave, at the host where we reach it, without user information."""
        given, ours = _parts(url, ("rtsp", "rtsps")), urlsplit(self.url)
        host = ours.hostname or ""
        place = f"[{host}]" if ":" in host else host
        port = f":{given.port}" if given.port else ""
        return _address(given.scheme, place + port, given.path, given.query)

    async def _post(self, url: str, message: bytes) -> Element:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        try:
            async with self._session.post(
                url,
                data=message,
                headers=headers,
                allow_redirects=False,
                timeout=_within(ANSWER_WITHIN_S),
                **self._proof(),
            ) as answer:
                content = await _content(answer, LARGEST_ANSWER_BYTES)
                if answer.status == 401:
                    raise NotAuthorized("the camera refuses this user name or password")
                return soap.read(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            place = urlsplit(url).netloc.rpartition("@")[2]
            raise DeviceUnreachable(f"no camera answers at {place} within {ANSWER_WITHIN_S:.0f} s") from error

    def _proof(self) -> dict[str, Any]:
        """Return what lets aiohttp answer a 401 by HTTP digest, which some cameras want beside the token."""
        user = self._credentials
        if not user.username:
            return {}
        return {"middlewares": (aiohttp.DigestAuthMiddleware(user.username, user.password),)}

    def _token(self, offset: timedelta) -> str:
        created = datetime.now(UTC) + offset
        return soap.user_token(self._credentials, created=created, nonce=secrets.token_bytes(NONCE_BYTES))

    async def _clock_offset(self) -> timedelta:
        """Return how far the camera's clock is ahead of ours; it judges our token by its own."""
        try:
            body = await self._post(self.url, soap.envelope("<tds:GetSystemDateAndTime/>"))
        except (NotAuthorized, NotSupported):
            self._offset = timedelta()
        else:
            self._offset = soap.moment(body) - datetime.now(UTC)
        return self._offset


def _parts(url: str, schemes: tuple[str, ...]) -> Any:
    try:
        given = urlsplit(url)
        usable = given.scheme in schemes and bool(given.hostname) and (given.port or 1) > 0
    except ValueError as error:
        raise NotOnvif("the camera gives an address that is none") from error
    if not usable:
        raise NotSupported("the camera gives no address for this")
    return given


def _address(scheme: str, place: str, path: str, query: str) -> str:
    # User information in an address would end in logs.
    return urlunsplit((scheme, place.rpartition("@")[2], path, query, ""))


def _within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)


async def _content(answer: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        found += chunk
        if len(found) > limit_bytes:
            raise NotOnvif(f"the camera's answer is larger than {limit_bytes} bytes")
    return bytes(found)
