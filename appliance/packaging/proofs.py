"""Sample pictures: those that a model is tried on, and those that go into its package, with what must be found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from appliance.analysis.detector import Detector
from appliance.analysis.finding import Picture
from appliance.packaging.errors import WrongCall
from federation.messages import Detection
from federation.packages import Manifest
from federation.packages.outputs import ClassOutput, MultilabelOutput
from federation.packages.samples import Sample, SampleObject

OF_A_VIDEO = 6
MOST_PICTURES = 24
MOST_OBJECTS = 20
SURE = 0.5
MARGIN = 0.15  # of a score, for another machine's arithmetic
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A sample, and its file."""

    sample: Sample
    content: bytes


def pictures_at(place: Path | None) -> list[Picture]:
    """Return the pictures of a folder or file, some frames of each video; raise WrongCall if there is no such place."""
    if place is None:
        return []
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    if not all(file.exists() for file in files):
        raise WrongCall(f"--samples: there is no {place}")
    found: list[Picture] = []
    for file in files:
        found += _pictures(file, OF_A_VIDEO)
    return found[:MOST_PICTURES]


def picture_at(path: Path) -> Picture:
    """Return the picture in a file; raise WrongCall if it is none."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise WrongCall(f"{path} is no picture")
    return cast("Picture", picture)


def proofs_of(manifest: Manifest, model: bytes, pictures: Sequence[Picture]) -> tuple[Proof, ...]:
    """Return the picture that shows most, and one that must stay silent if there is one."""
    detector = Detector(manifest, model)
    seen = [(detector.detect(picture), picture) for picture in pictures]
    told = {label for event in manifest.events if event.when for label in event.when.labels}
    strong = [([item for item in found if item.score >= SURE], picture) for found, picture in seen]
    best = max(strong, key=lambda one: len(one[0]), default=None)
    silent = next((picture for found, picture in seen if not any(item.label in told for item in found)), None)
    whole = isinstance(manifest.output, ClassOutput | MultilabelOutput)
    chosen = [(best[0][:MOST_OBJECTS], best[1])] if best and best[0] else []
    chosen += [] if silent is None else [([], silent)]
    return tuple(_proof(number, found, picture, whole=whole) for number, (found, picture) in enumerate(chosen, 1))


def _proof(number: int, found: Sequence[Detection], picture: Picture, *, whole: bool) -> Proof:
    height, width = picture.shape[:2]
    objects = tuple(
        SampleObject(
            label=item.label,
            min_score=round(max(0.05, item.score - MARGIN), 2),
            box=None if whole else _corners(item, width, height),
        )
        for item in found
    )
    _, content = cv2.imencode(".png", np.ascontiguousarray(picture))
    return Proof(sample=Sample(file=f"samples/{number}.png", objects=objects), content=content.tobytes())


def _corners(item: Detection, width: int, height: int) -> tuple[float, float, float, float]:
    left, top = item.box.x * width, item.box.y * height
    right, bottom = left + item.box.width * width, top + item.box.height * height
    return round(left, 1), round(top, 1), round(right, 1), round(bottom, 1)


def _pictures(file: Path, count: int) -> list[Picture]:
    """Return a still picture, or `count` frames spread over a video; nothing for other files."""
    if file.suffix.lower() in PICTURES:
        picture = cv2.imread(str(file))
        return [] if picture is None else [picture]
    video = cv2.VideoCapture(str(file))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    found: list[Picture] = []
    for index in range(count if frames > 0 else 0):
        video.set(cv2.CAP_PROP_POS_FRAMES, index * frames // count)
        done, picture = video.read()
        if done:
            found.append(picture)
    video.release()
    return found
