"""ONVIF devices as they go over the wire."""

from pydantic import Field

from federation.http import Input, Output
from federation.messages import OnvifUrl


class FoundDevice(Output):
    """A camera that answered a search; `point_id` is that of this box which has its address already."""

    url: str = Field(description="of its device service")
    name: str
    hardware: str
    location: str
    point_id: str | None


class DeviceAddress(Input):
    """A device, and a user of it; without a name it is asked anonymously."""

    url: OnvifUrl = Field(min_length=8)
    username: str = Field(default="", max_length=64)
    password: str = Field(default="", max_length=128, repr=False)


class DeviceProfile(Output):
    """One stream that a device offers; figures are 0 where it does not say."""

    token: str
    name: str
    encoding: str
    width_px: int
    height_px: int
    fps: float
    bitrate_kbps: int
    gop_frames: int
    can_turn: bool
    stream_url: str = Field(description="empty if the device gives none")


class DeviceDescription(Output):
    """Who made a device, and what it offers."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    profiles: tuple[DeviceProfile, ...]
