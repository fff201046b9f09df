"""Cameras that speak ONVIF: found on the network, described, turned to presets, asked for pictures."""

from appliance.onvif.device import Device
from appliance.onvif.discovery import discover
from appliance.onvif.errors import DeviceFault, DeviceUnreachable, NotAuthorized, NotOnvif, NotSupported, OnvifError
from appliance.onvif.turning import Turning
from appliance.onvif.values import CameraRecord, Credentials, Description, Found, Position, Preset, Profile

__all__ = [
    "CameraRecord",
    "Credentials",
    "Description",
    "Device",
    "DeviceFault",
    "DeviceUnreachable",
    "Found",
    "NotAuthorized",
    "NotOnvif",
    "NotSupported",
    "OnvifError",
    "Position",
    "Preset",
    "Profile",
    "Turning",
    "discover",
]
