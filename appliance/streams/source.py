"""The seam between a camera's supervisor and the two ways of pulling: our RTSP reader, and FFmpeg in a child."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NoReturn, Protocol

from appliance.streams.access_unit import Codec


class Picture(NamedTuple):
    """One coded picture as a source gives it; `payload` is empty where nobody wants it or a decoder could not use it.

    `usable` tells that nothing is lost of the picture, nor of those that it builds on. `sets` are the parameter sets
    that hold from a key picture on, None with other pictures. `starts` says where NAL units start, if that is known.
    """

    key: bool
    pts: int
    usable: bool
    payload: bytes
    sets: tuple[bytes, ...] | None = None
    sent_at: datetime | None = None
    starts: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a source has received since its attempt began; packets that came and packets that were lost."""

    received_bytes: int = 0
    packets: int = 0
    lost: int = 0


class Intake(Protocol):
    """Where a source puts what it gets."""

    @property
    def wants_all(self) -> bool:
        """Tell whether anybody needs more than key pictures now; it may change with every picture."""

    def begin(self, codec: Codec, sets: Sequence[bytes], *, transport: str) -> None:
        """Note what the stream will be; pictures follow."""

    def take(self, picture: Picture) -> None:
        """Take one picture; must not block."""


class Source(Protocol):
    """One attempt to pull a camera."""

    async def run(self) -> NoReturn:
        """Pull until it ends, and raise the StreamError that says why; cancelling it frees everything."""

    def tick(self, now_s: float) -> None:
        """Do what is due; called about twice a second."""

    def traffic(self) -> Traffic:
        """Return what has been received so far."""
