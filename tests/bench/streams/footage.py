"""The clip that all cameras of the bench show: a moving scene of 1080p at 4 Mbit/s, made once."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from hil_tests.rig.footage.writer import Encoding, Picture, write_video

FPS, SECONDS, GOP_S = 25, 4, 2.0
ENCODING = Encoding(
    width_px=1920, height_px=1080, fps=Fraction(FPS), gop_s=GOP_S, preset="ultrafast", bit_rate=4_000_000, threads=2
)


def clip_folder(cache: Path) -> Path:
    """Return a folder that holds the clip and nothing else; makes it if need be, which takes some seconds. Blocks."""
    folder = cache / "1080p-4mbit"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob("*.mp4")):
        write_video(folder / "scene.mp4", _pictures(), ENCODING)
    return folder


def _pictures() -> Iterator[Picture]:
    """Yield a textured ground over which 24 boxes move, with the noise of a sensor."""
    dice = np.random.default_rng(1)
    width, height, count = ENCODING.width_px, ENCODING.height_px, FPS * SECONDS
    coarse = dice.integers(60, 190, (height // 40, width // 40, 3), dtype=np.uint8)
    ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    boxes = dice.integers(0, [width, height, 90, 90], (24, 4))
    noise = [dice.integers(0, 12, (height, width, 3), dtype=np.uint8) for _ in range(4)]
    for number in range(count):
        picture = cv2.add(ground, noise[number % 4])
        for left, top, wide, tall in boxes:
            x = int(left + number * (8 + wide // 10)) % width
            cv2.rectangle(picture, (x, int(top)), (x + 40 + int(wide), int(top) + 40 + int(tall)), (30, 60, 200), -1)
        yield np.asarray(picture, np.uint8)
