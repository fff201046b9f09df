"""The package of a trained model: its card with figures, and samples that it must find again wherever it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from federation.packages.manifest import Manifest, read_manifest, write_manifest
from hil_tests.rig.scene.cameras import scripted_cameras
from hil_tests.rig.scene.canvas import Pixels
from hil_tests.rig.scene.rendering import build_stage, draw_frame
from hil_tests.training.export import Runner
from hil_tests.training.pictures import HEIGHT_PX, WIDTH_PX, letterboxed
from hil_tests.training.scoring import Figures, Floats, found_boxes
from hil_tests.training.truth import LABELS, Boxes, boxes_of

_BASE = Path(__file__).with_name("algorithm.yaml")
_MODEL = "models/street_objects.onnx"
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]
_MOMENTS: Sequence[tuple[str, float]] = (("cam1", 31.0), ("cam4", 20.0), ("cam3", 32.0), ("cam7", 20.0))
_QUIET: Sequence[tuple[str, float]] = (("cam2", 0.5), ("cam1", 0.5), ("cam3", 0.5), ("cam5", 0.5))
"""Camera and second of the rig's scripts; at the quiet ones the street is empty."""


class NothingFound(Exception):
    """The model has learnt too little: it finds nothing in the samples, or something in the silent one."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What makes a model anew: seed, pictures and steps; and the figures of each check set by its name."""

    seed: int
    pictures: int
    steps: int
    checked: Mapping[str, Mapping[str, Figures]]


def threshold() -> float:
    """Return the score from which on the package's rule counts what is found."""
    rule = read_manifest(_base()).rule
    return 1.0 if rule is None else rule.min_conf


def write_folder(model: bytes, origin: Origin, folder: Path) -> Manifest:
    """Write the files of the package to `folder` and return its manifest; raise NothingFound."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "samples").mkdir(exist_ok=True)
    (folder / _MODEL).write_bytes(model)
    samples = list(_samples(model, folder))
    whole = yaml.safe_load(_base()) | {
        "samples": samples,
        "training": {
            "model_name": "street_objects",
            "model_version": f"--seed {origin.seed} --steps {origin.steps}",
            "dataset_version": f"drawn: --seed {origin.seed} --pictures {origin.pictures}",
        },
        "evaluation": list(_evaluations(origin)),
    }
    manifest = Manifest.model_validate(whole)
    (folder / "algorithm.yaml").write_text(write_manifest(manifest), encoding="utf-8")
    return manifest


def _base() -> str:
    return _BASE.read_text("utf-8")


def _evaluations(origin: Origin) -> Iterator[dict[str, Any]]:
    for name, figures in origin.checked.items():
        for label, item in figures.items():
            if item.things:
                yield {
                    "check_set": f"{name}: {label}, {item.things} of them, score from {threshold():g}",
                    "precision": _rounded(item.precision),
                    "recall": _rounded(item.recall),
                    "map50": _rounded(item.average_precision),
                    "tool": "make train-detector",
                }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 3)


def _samples(model: bytes, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the pictures in which something true is found, and the first in which nothing is there nor found."""
    runner = Runner(model)
    number = 0
    for camera, t_s in _MOMENTS:
        picture, truth = _frame(camera, t_s)
        found = _sure(runner, picture)
        objects = [item for row in truth if (item := _object(row, found)) is not None]
        if objects:
            number += 1
            yield {"file": _kept(picture, folder, f"street-{number}"), "objects": objects}
            if number == 1:
                _kept(_with_boxes(picture, objects), folder, "cover")
    for camera, t_s in _QUIET:
        picture, _ = _frame(camera, t_s)
        if number and not len(_sure(runner, picture)):
            yield {"file": _kept(picture, folder, "quiet")}
            return
    raise NothingFound(f"true things are found in {number} of {len(_MOMENTS)} samples, and something in quiet ones")


def _kept(picture: Pixels, folder: Path, name: str) -> str:
    """Write a sample and return its path in the package."""
    file = f"samples/{name}.jpg"
    cv2.imwrite(str(folder / file), picture[..., ::-1], _JPEG)
    return file


def _frame(camera: str, t_s: float) -> tuple[Pixels, Boxes]:
    """Return an RGB picture of a scripted camera as its JPEG will show it, and its truth."""
    [script] = [script for script in scripted_cameras() if script.name == camera]
    stage = build_stage(script)
    _, written = cv2.imencode(".jpg", draw_frame(stage, t_s)[..., ::-1], _JPEG)
    picture = np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(picture), boxes_of(stage, t_s)


def _sure(runner: Runner, picture: Pixels) -> Floats:
    """Return what is found as rows x1, y1, x2, y2 (px of the picture), label, score."""
    placed, _ = letterboxed(picture, np.zeros((0, 6), np.float32))
    rows = found_boxes(runner.raw(placed))
    rows = rows[rows[:, 5] >= threshold()]
    height, width = picture.shape[:2]
    scale = min(WIDTH_PX / width, HEIGHT_PX / height)
    margin = np.array([(WIDTH_PX - int(width * scale)) // 2, (HEIGHT_PX - int(height * scale)) // 2] * 2, np.float32)
    rows[:, :4] = (rows[:, :4] - margin) / scale
    return rows


def _object(row: Floats, found: Floats) -> dict[str, Any] | None:
    """Return what the package promises of a true thing: that it is found again as surely; None if it is not found."""
    same = [item for item in found if item[4] == row[4] and _iou(item, row) > 0.6]
    if row[5] or not same:
        return None
    box = [round(float(value), 1) for value in row[:4]]
    return {"label": LABELS[int(row[4])], "box": box, "min_score": threshold()}


def _iou(one: Floats, two: Floats) -> float:
    sides = np.maximum(np.minimum(one[2:4], two[2:4]) - np.maximum(one[:2], two[:2]), 0)
    both = float(sides.prod())
    return both / float((one[2:4] - one[:2]).prod() + (two[2:4] - two[:2]).prod() - both)


def _with_boxes(picture: Pixels, objects: Sequence[Mapping[str, Any]]) -> Pixels:
    shown = picture.copy()
    for item in objects:
        left, top, right, bottom = (round(value) for value in item["box"])
        cv2.rectangle(shown, (left, top), (right, bottom), (255, 196, 0), 3)
    return shown
