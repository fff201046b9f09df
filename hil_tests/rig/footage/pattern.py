"""A test pattern: cheap moving pictures of any size, for tests of streams rather than of algorithms."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from hil_tests.rig.footage.writer import Encoding, Picture, write_video


def write_pattern(path: Path, encoding: Encoding, *, seconds: float, noise: int = 0) -> Path:
    """Write a clip in which a bar crosses a colour ramp once; `noise` (0 to 255) makes it hard to compress."""
    write_video(path, _pictures(encoding, round(seconds * encoding.fps), noise), encoding)
    return path


def _pictures(encoding: Encoding, count: int, noise: int) -> Iterator[Picture]:
    width, height = encoding.width_px, encoding.height_px
    ramp = np.linspace(40, 215, width, dtype=np.uint8)
    base = np.dstack([np.tile(ramp, (height, 1)), np.tile(ramp[::-1], (height, 1)), np.full((height, width), 90)])
    random = np.random.default_rng(1)
    for number in range(count):
        picture = base.astype(np.uint8)
        left = number * width // count
        cv2.rectangle(picture, (left, 0), (left + width // 16, height), (245, 245, 245), cv2.FILLED)
        if noise:
            picture = cv2.add(picture, random.integers(0, noise, picture.shape, dtype=np.uint8))
        yield picture.astype(np.uint8)
