"""Episodes: a camera that has been watched while it was well, and what becomes of its picture then."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from appliance.quality import Watch
from federation.messages import PictureFault
from hil_tests.rig.footage.disturbing import DISTURBANCES
from hil_tests.rig.footage.writer import Encoding, Picture, write_video

PICTURES = 48
LEARNED, GOOD, DISTURBED = 20, 12, 8
EVERY = timedelta(seconds=10)
START = datetime(2026, 1, 1, tzinfo=UTC)
NOISE = 1.0
"""Deviation in levels: films that are played again have none of their own."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What happened to a picture (None: nothing), and what was said of it in the end."""

    source: str
    truth: PictureFault | None
    said: tuple[PictureFault, ...]


def pictures_of(file: Path) -> list[Picture]:
    """Return `PICTURES` pictures of a film, evenly over it; blocks."""
    with av.open(str(file)) as container:
        total = sum(1 for packet in container.demux(video=0) if packet.size)
    step = max(1, total // PICTURES)
    with av.open(str(file)) as container:
        frames = enumerate(container.decode(video=0))
        return [_bgr(frame) for number, frame in frames if number % step == 0][:PICTURES]


def episodes(source: str, pictures: Sequence[Picture]) -> Iterator[Episode]:
    """Yield an episode for each disturbance, and one in which nothing happens."""
    noise = np.random.default_rng(3)
    shown = [_with_noise(pictures[number * 5 % len(pictures)], noise) for number in range(LEARNED + GOOD)]
    watch = Watch()
    for number, picture in enumerate(shown[:LEARNED]):
        watch.look(picture, START + number * EVERY)
    yield Episode(source=source, truth=None, said=_after(watch, shown[LEARNED:]))
    for name, kinds in DISTURBANCES.items():
        for disturb in kinds:
            said = _after(watch, [disturb(picture) for picture in shown[-DISTURBED:]])
            yield Episode(source=source, truth=PictureFault(name), said=said)
    yield Episode(source=source, truth=PictureFault.FROZEN, said=_after(watch, frozen(pictures[0])))


def frozen(picture: Picture) -> list[Picture]:
    """Return key pictures of a camera that codes one picture again and again at 2 Mbit/s, a key frame every 2 s."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    encoding = Encoding(width_px=width, height_px=height, fps=Fraction(10), gop_s=2.0, bit_rate=2_000_000)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "frozen.mp4"
        write_video(file, [picture[:height, :width]] * 20 * (DISTURBED + 2), encoding)
        with av.open(str(file)) as container:
            return [_bgr(frame) for frame in container.decode(video=0) if frame.key_frame][2:]


def _after(watch: Watch, pictures: Sequence[Picture]) -> tuple[PictureFault, ...]:
    followed = copy.deepcopy(watch)
    said: tuple[PictureFault, ...] = ()
    for number, picture in enumerate(pictures):
        said = followed.look(picture, START + (LEARNED + number) * EVERY).faults
    return said


def _bgr(frame: "av.VideoFrame") -> Picture:
    return frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def _with_noise(picture: Picture, noise: np.random.Generator) -> Picture:
    return np.clip(picture + noise.normal(0, NOISE, picture.shape), 0, 255).astype(np.uint8)
