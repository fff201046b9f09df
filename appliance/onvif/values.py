"""What is known of an ONVIF camera, as plain values."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A user of the camera; without a name it is asked anonymously."""

    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A camera that answered a search; `urls` are the addresses of its device service, the best first."""

    endpoint: str
    urls: tuple[str, ...]
    name: str = ""
    hardware: str = ""
    location: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One stream that the camera offers; figures are as configured in it, 0 where it does not say."""

    token: str
    name: str
    encoding: str
    width_px: int = 0
    height_px: int = 0
    fps: float = 0.0
    bitrate_kbps: int = 0
    gop_frames: int = 0
    can_turn: bool = False


@dataclass(frozen=True, kw_only=True)
class Description:
    """Who made the camera, and what it offers."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    profiles: tuple[Profile, ...]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where the camera looks, in its generic spaces: pan and tilt from -1 to 1, zoom from 0 to 1.

    For a relative move it is the way to go, and for a continuous one the speed; zoom then goes from -1 to 1.
    """

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A place that the camera remembers (预置位), and where that is, if it says so."""

    token: str
    name: str
    position: Position | None = None


@dataclass(frozen=True, kw_only=True)
class CameraRecord:
    """What a camera has recorded itself, from its first picture to its last; one that goes on ends now."""

    token: str
    first: datetime
    last: datetime
