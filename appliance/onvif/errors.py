"""Errors of ONVIF.

OnvifError
├── DeviceUnreachable
├── NotAuthorized
├── NotSupported
├── NotOnvif
└── DeviceFault
"""


class OnvifError(Exception):
    """A camera cannot be commanded; the text says what a person can do about it."""

    code = "onvif_error"


class DeviceUnreachable(OnvifError):
    """Nothing answers at the camera's address, or not in time."""

    code = "device_unreachable"


class NotAuthorized(OnvifError):
    """The camera refuses the user name or password."""

    code = "device_refuses_credentials"


class NotSupported(OnvifError):
    """The camera has no service of this kind, for example no pan and tilt."""

    code = "device_cannot"


class NotOnvif(OnvifError):
    """What answers speaks no ONVIF."""

    code = "not_onvif"


class DeviceFault(OnvifError):
    """The camera understood, and says no."""

    code = "device_fault"
