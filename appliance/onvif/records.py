"""What a camera has recorded itself, by the ONVIF recording search and replay services (Profile G)."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from appliance.onvif import soap
from appliance.onvif.errors import NotOnvif, NotSupported
from appliance.onvif.services import Services
from appliance.onvif.values import CameraRecord

MOST_RECORDS = 64
MOST_ANSWERS = 8
_FIND = (
    "<tse:FindRecordings><tse:Scope/><tse:MaxMatches>64</tse:MaxMatches>"
    "<tse:KeepAliveTime>PT30S</tse:KeepAliveTime></tse:FindRecordings>"
)
_SETUP = (
    "<trp:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream>"
    "<tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></trp:StreamSetup>"
)


class Records:
    """The records of one camera; every method raises OnvifError."""

    def __init__(self, services: Services) -> None:
        """Ask the camera that has these services."""
        self._services = services

    async def all(self) -> tuple[CameraRecord, ...]:
        """Return every record with video in it, at most `MOST_RECORDS`; raise NotSupported if the camera keeps none."""
        body = await self._services.ask(soap.SEARCH, _FIND)
        token = escape(soap.text(body, "tse:FindRecordingsResponse/tse:SearchToken"))
        request = (
            f"<tse:GetRecordingSearchResults><tse:SearchToken>{token}</tse:SearchToken>"
            "<tse:WaitTime>PT5S</tse:WaitTime></tse:GetRecordingSearchResults>"
        )
        found: list[CameraRecord] = []
        for _ in range(MOST_ANSWERS):
            body = await self._services.ask(soap.SEARCH, request)
            results = body.find("tse:GetRecordingSearchResultsResponse/tse:ResultList", soap.NAMESPACES)
            if results is None:
                break
            found += [record for item in _informations(results) if (record := _record(item)) is not None]
            if soap.text(results, "tt:SearchState") != "Searching" or len(found) >= MOST_RECORDS:
                break
        return tuple(found[:MOST_RECORDS])

    async def holding(self, start: datetime, end: datetime) -> CameraRecord | None:
        """Return the record that holds something of a stretch, None if there is none.

        Raise NotSupported where several hold it: a recorder with many cameras does not say which of them is ours.
        """
        found = [record for record in await self.all() if record.first < end and record.last > start]
        if len(found) > 1:
            raise NotSupported("the device keeps records of several cameras; only a camera's own can be fetched")
        return found[0] if found else None

    async def replay_url(self, token: str) -> str:
        """Return the rtsp address at which a record is played, without user information."""
        request = (
            f"<trp:GetReplayUri>{_SETUP}<trp:RecordingToken>{escape(token)}</trp:RecordingToken></trp:GetReplayUri>"
        )
        body = await self._services.ask(soap.REPLAY, request)
        return self._services.connection.stream_address(soap.text(body, "trp:GetReplayUriResponse/trp:Uri"))


def _informations(results: Element) -> list[Element]:
    return results.findall("tt:RecordingInformation", soap.NAMESPACES)[:MOST_RECORDS]


def _record(item: Element) -> CameraRecord | None:
    """Return a record as the camera describes it; None for one without video or without a time."""
    tracks = item.findall("tt:Track", soap.NAMESPACES)[:MOST_RECORDS]
    token = soap.text(item, "tt:RecordingToken")[:64]
    first, last = soap.text(item, "tt:EarliestRecording"), soap.text(item, "tt:LatestRecording")
    if not token or not first or not any(soap.text(track, "tt:TrackType") == "Video" for track in tracks):
        return None
    return CameraRecord(token=token, first=_moment(first), last=_moment(last) if last else datetime.now(UTC))


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text[:40])
    except ValueError as error:
        raise NotOnvif("the camera tells a time of its record that is none") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
