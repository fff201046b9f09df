"""What the simulated camera answers, as XML; written from the ONVIF specifications, not with our client's code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from hil_tests.rig.onvif.camera import SimulatedCamera, View

PREFIXES = (
    'xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"'
    ' xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    ' xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl"'
    ' xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:tse="http://www.onvif.org/ver10/search/wsdl" xmlns:trp="http://www.onvif.org/ver10/replay/wsdl"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"'
)
PROFILE = "profile_1"


def message(body: str, header: str = "") -> bytes:
    """Return a whole answer."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<SOAP-ENV:Envelope {PREFIXES}><SOAP-ENV:Header>{header}'
        f"</SOAP-ENV:Header><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()


def fault(subcode: str, reason: str) -> bytes:
    """Return a refusal; `subcode` is for example `ter:NotAuthorized`."""
    return message(
        "<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>"
        f"<SOAP-ENV:Value>{subcode}</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>"
        f'<SOAP-ENV:Text xml:lang="en">{escape(reason)}</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>'
    )


def clock(camera: SimulatedCamera) -> str:
    """Return the camera's own time."""
    now = datetime.now(UTC) + camera.behaviour.clock_ahead
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
        "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def information(camera: SimulatedCamera) -> str:
    """Return who made the camera."""
    return (
        "<tds:GetDeviceInformationResponse>"
        "<tds:Manufacturer>Fengsui rig</tds:Manufacturer><tds:Model>virtual</tds:Model>"
        f"<tds:FirmwareVersion>1.0</tds:FirmwareVersion><tds:SerialNumber>{escape(camera.serial)}</tds:SerialNumber>"
        "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def services(addresses: Mapping[str, str]) -> str:
    """Return the services by namespace."""
    each = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{escape(url)}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for namespace, url in addresses.items()
    )
    return f"<tds:GetServicesResponse>{each}</tds:GetServicesResponse>"


def capabilities(media_url: str, ptz_url: str) -> str:
    """Return the services as old cameras tell them."""
    ptz = f"<tt:PTZ><tt:XAddr>{escape(ptz_url)}</tt:XAddr></tt:PTZ>" if ptz_url else ""
    media = f"<tt:Media><tt:XAddr>{escape(media_url)}</tt:XAddr></tt:Media>"
    return (
        f"<tds:GetCapabilitiesResponse><tds:Capabilities>{media}{ptz}</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def first_profiles(camera: SimulatedCamera) -> str:
    """Return the one profile by the first media service, which knows no H.265."""
    turning = '<tt:PTZConfiguration token="ptz_1"><tt:Name>ptz</tt:Name></tt:PTZConfiguration>'
    return (
        f'<trt:GetProfilesResponse><trt:Profiles token="{PROFILE}" fixed="true"><tt:Name>main</tt:Name>'
        '<tt:VideoEncoderConfiguration token="ve_1"><tt:Name>v</tt:Name><tt:Encoding>H264</tt:Encoding>'
        "<tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution>"
        "<tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit><tt:BitrateLimit>4096</tt:BitrateLimit>"
        "</tt:RateControl><tt:H264><tt:GovLength>50</tt:GovLength></tt:H264></tt:VideoEncoderConfiguration>"
        f"{turning if camera.behaviour.turns else ''}</trt:Profiles></trt:GetProfilesResponse>"
    )


def second_profiles(camera: SimulatedCamera) -> str:
    """Return the one profile by the second media service."""
    turning = '<tr2:PTZ token="ptz_1"><tt:Name>ptz</tt:Name></tr2:PTZ>'
    return (
        f'<tr2:GetProfilesResponse><tr2:Profiles token="{PROFILE}" fixed="true"><tr2:Name>main</tr2:Name>'
        '<tr2:Configurations><tr2:VideoEncoder token="ve_1" GovLength="50" Profile="Main"><tt:Name>v</tt:Name>'
        f"<tt:Encoding>{camera.encoding}</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width>"
        "<tt:Height>1080</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl></tr2:VideoEncoder>"
        f"{turning if camera.behaviour.turns else ''}</tr2:Configurations></tr2:Profiles></tr2:GetProfilesResponse>"
    )


def presets(camera: SimulatedCamera) -> str:
    """Return the remembered places."""
    each = "".join(
        f"<tptz:Preset token={quoteattr(token)}><tt:Name>{escape(name)}</tt:Name>"
        f"<tptz:PTZPosition>{_axes(f'{view.pan:.4f}', view)}</tptz:PTZPosition></tptz:Preset>"
        for token, (name, view) in camera.presets.items()
    )
    return f"<tptz:GetPresetsResponse>{each}</tptz:GetPresetsResponse>"


def status(camera: SimulatedCamera) -> str:
    """Return where the camera looks."""
    state, view = "MOVING" if camera.moving else "IDLE", camera.view()
    pan = camera.behaviour.told_pan or f"{view.pan:.4f}"
    return (
        "<tptz:GetStatusResponse><tptz:PTZStatus>"
        f"<tt:Position>{_axes(pan, view, space=camera.behaviour.told_space)}</tt:Position>"
        f"<tt:MoveStatus><tt:PanTilt>{state}</tt:PanTilt><tt:Zoom>{state}</tt:Zoom></tt:MoveStatus>"
        "<tt:UtcTime>2026-01-01T00:00:00Z</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse>"
    )


def _axes(pan: str, view: View, *, space: str = "") -> str:
    named = f" space={quoteattr(space)}" if space else ""
    return f'<tt:PanTilt x={quoteattr(pan)} y="{view.tilt:.4f}"{named}/><tt:Zoom x="{view.zoom:.4f}"/>'


def records(camera: SimulatedCamera) -> str:
    """Return what the camera has recorded itself, each with a track of video that goes on."""
    each = "".join(
        f"<tt:RecordingInformation><tt:RecordingToken>{escape(record.token)}</tt:RecordingToken>"
        "<tt:Source><tt:SourceId>1</tt:SourceId><tt:Name>main</tt:Name></tt:Source>"
        f"<tt:EarliestRecording>{record.first:%Y-%m-%dT%H:%M:%SZ}</tt:EarliestRecording>"
        f"<tt:LatestRecording>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</tt:LatestRecording>"
        "<tt:Content>card</tt:Content><tt:Track><tt:TrackToken>v</tt:TrackToken><tt:TrackType>Video</tt:TrackType>"
        "</tt:Track><tt:RecordingStatus>Recording</tt:RecordingStatus></tt:RecordingInformation>"
        for record in camera.records
    )
    return (
        "<tse:GetRecordingSearchResultsResponse><tse:ResultList><tt:SearchState>Completed</tt:SearchState>"
        f"{each}</tse:ResultList></tse:GetRecordingSearchResultsResponse>"
    )


def probe_match(camera: SimulatedCamera, *, url: str, endpoint: str, relates_to: str) -> bytes:
    """Return the answer to a search."""
    name = camera.name.replace(" ", "%20")
    scopes = " ".join(
        f"onvif://www.onvif.org/{scope}" for scope in ("Profile/Streaming", f"name/{name}", "hardware/virtual")
    )
    header = (
        f"<wsa:MessageID>urn:uuid:{endpoint}-1</wsa:MessageID><wsa:RelatesTo>{escape(relates_to)}</wsa:RelatesTo>"
        "<wsa:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsa:To>"
        "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</wsa:Action>"
    )
    body = (
        "<d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference>"
        f"<wsa:Address>urn:uuid:{endpoint}</wsa:Address></wsa:EndpointReference>"
        f"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{escape(scopes)}</d:Scopes>"
        f"<d:XAddrs>{escape(url)}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>"
    )
    return message(body, header)
