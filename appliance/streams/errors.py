"""Why a camera's stream does not flow.

StreamError
├── Unreachable     nobody answers, or the connection ended
├── Stalled         connected, but no picture arrives
├── Refused         the camera says no, or speaks what we do not
├── Violation       what arrives is no valid RTSP, SDP or RTP
└── Moved           the camera is to be pulled elsewhere
"""


class StreamError(Exception):
    """A stream does not flow. `code` is stable, the sentence is for people."""

    def __init__(self, code: str, detail: str) -> None:
        """Describe the fault by a stable `code` and a sentence."""
        super().__init__(detail)
        self.code = code

    @property
    def reason(self) -> str:
        """Code and sentence in one line, as a camera's report carries them."""
        return f"{self.code}: {self}"


class Unreachable(StreamError):
    """Nobody answers, or the connection ended."""


class Stalled(StreamError):
    """The camera is connected, but no picture arrives."""


class Refused(StreamError):
    """The camera says no, or speaks what this appliance does not."""


class Violation(StreamError):
    """What arrives is no valid RTSP, SDP or RTP."""

    def __init__(self, detail: str) -> None:
        """Describe what was wrong with the bytes."""
        super().__init__("protocol_violation", detail)


class Moved(StreamError):
    """The camera asks for another address."""

    def __init__(self, url: str) -> None:
        """Say where the camera wants to be pulled."""
        super().__init__("moved", f"the camera wants to be pulled at {url}")
        self.url = url
