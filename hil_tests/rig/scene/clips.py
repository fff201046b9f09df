"""Rendered clips of scripts, kept in a cache by the digest of the script."""

import dataclasses
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import cv2

from hil_tests.rig.footage.writer import Encoding, write_video
from hil_tests.rig.scene.rendering import pictures
from hil_tests.rig.scene.script import Script
from hil_tests.rig.scene.truth import GroundTruth, ground_truth


def clip_path(script: Script, cache: Path) -> Path:
    """Return where the clip of `script` is or will be in `cache`."""
    return cache / f"scene-{script.name}-{script.digest()}.mp4"


def render(script: Script, cache: Path) -> Path:
    """Return the clip of `script`, rendered now unless the cache has it; blocks for some seconds.

    Of several processes that want the same clip one renders it; the others wait until it is there, or that one ends.
    """
    path = clip_path(script, cache)
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            if not path.exists():
                _write(script, path)
    return path


def _write(script: Script, path: Path) -> None:
    cv2.setNumThreads(1)  # several scripts are rendered at the same time
    encoding = Encoding(
        width_px=script.width_px,
        height_px=script.height_px,
        fps=Fraction(script.fps),
        preset="ultrafast",
        crf=23,
    )
    write_video(path, pictures(script), encoding)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:  # closed, also by the death of its process, it is free
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_truth(script: Script, path: Path, *, started_at: datetime | None = None) -> GroundTruth:
    """Write the truth of `script` to the JSON file `path` and return it."""
    truth = dataclasses.replace(ground_truth(script), started_at=started_at)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(truth.to_json(), encoding="utf-8")
    partial.replace(path)
    return truth
