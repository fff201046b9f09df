"""Sets of labelled pictures at the size of the model's input: drawn streets, and the clips of the rig's cameras."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from hil_tests.rig.scene.canvas import Pixels
from hil_tests.rig.scene.clips import render
from hil_tests.rig.scene.rendering import build_stage, draw_frame
from hil_tests.rig.scene.script import Script
from hil_tests.training.streets import drawn_street, moment_s
from hil_tests.training.truth import Boxes, boxes_of
from hil_tests.training.weathering import cluttered, weathered

WIDTH_PX, HEIGHT_PX = 416, 240
PAD = 114
MOMENTS = 16  # pictures of one street

Labelled = tuple[Pixels, Boxes]
"""An RGB picture of the model's input size, and its truth in px of it."""


@dataclass(frozen=True, kw_only=True)
class PictureSet:
    """Labelled pictures: RGB of shape (n, height, width, 3), and the truth of each."""

    pixels: NDArray[np.uint8]
    boxes: Sequence[Boxes]

    def __len__(self) -> int:
        return len(self.boxes)


def letterboxed(picture: Pixels, boxes: Boxes) -> Labelled:
    """Return the picture in the middle of the model's input, as large as it fits, and its boxes there."""
    height, width = picture.shape[:2]
    scale = min(WIDTH_PX / width, HEIGHT_PX / height)
    inner = (int(width * scale), int(height * scale))
    left, top = (WIDTH_PX - inner[0]) // 2, (HEIGHT_PX - inner[1]) // 2
    canvas = np.full((HEIGHT_PX, WIDTH_PX, 3), PAD, np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner)
    placed = boxes.copy()
    placed[:, :4] = placed[:, :4] * scale + np.array([left, top, left, top], np.float32)
    return canvas, placed


def drawn_pictures(seed: int, number: int, *, moments: int = MOMENTS) -> list[Labelled]:
    """Return the pictures of street `number` of the set with this seed; takes some seconds of one core."""
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, number])
    stage = build_stage(drawn_street(random, moments))
    found = []
    for moment in range(moments):
        t_s = moment_s(moment)
        picture = weathered(draw_frame(cluttered(stage, random), t_s), random)
        found.append(letterboxed(picture, boxes_of(stage, t_s)))
    return found


def drawn_set(seed: int, count: int, cache: Path, *, workers: int) -> PictureSet:
    """Return `count` drawn pictures, rendered now by `workers` processes unless the folder `cache` has them."""
    kept = cache / f"drawn-{seed}-{count}.npz"
    if not kept.exists():
        streets = -(-count // MOMENTS)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = pool.map(partial(drawn_pictures, seed), range(streets))
            _write(kept, list(chain.from_iterable(parts))[:count])
    return _read(kept)


def clip_set(scripts: Sequence[Script], cache: Path, *, every_s: float) -> PictureSet:
    """Return a picture of every `every_s` seconds of the rig's own clips, as a camera sends them, with their truth."""
    labelled = chain.from_iterable(_clip_pictures(script, cache, every_s) for script in scripts)
    pixels, boxes = zip(*labelled, strict=True)
    return PictureSet(pixels=np.stack(pixels), boxes=boxes)


def _clip_pictures(script: Script, cache: Path, every_s: float) -> Iterator[Labelled]:
    stage = build_stage(script)
    step = round(every_s * script.fps)
    with av.open(str(render(script, cache))) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % step == 0:
                picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                yield letterboxed(picture, boxes_of(stage, number / script.fps))


def _write(path: Path, labelled: Sequence[Labelled]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = [len(boxes) for _, boxes in labelled]
    partly = path.with_suffix(".partial.npz")
    np.savez(
        partly,
        pixels=np.stack([pixels for pixels, _ in labelled]),
        boxes=np.concatenate([boxes for _, boxes in labelled]),
        counts=np.array(counts),
    )
    partly.replace(path)


def _read(path: Path) -> PictureSet:
    with np.load(path) as kept:
        boxes = np.split(kept["boxes"], np.cumsum(kept["counts"])[:-1])
        return PictureSet(pixels=kept["pixels"], boxes=boxes)
