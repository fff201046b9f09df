"""What can go wrong in the rig.

RigError
├── FootageError      a clip or a folder of footage cannot be served
├── RequestError      an RTSP request that the server refuses
├── ControlError      a control command that makes no sense
└── SettingError      a command-line value or a credentials file that cannot be used
"""


class RigError(Exception):
    """Base of all errors of the rig; `str()` is one line that a person can act on."""

    code = "rig"


class FootageError(RigError):
    """A clip cannot be read, holds no video, or no clip was found."""

    code = "rig.footage"


class RequestError(RigError):
    """An RTSP request is refused with `status`, for example 400."""

    code = "rig.request"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlError(RigError):
    """A control command is unknown or names a camera that the rig does not have."""

    code = "rig.control"


class SettingError(RigError):
    """A value on the command line or in a credentials file cannot be used."""

    code = "rig.setting"
