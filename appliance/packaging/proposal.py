"""Proposes how a bare ONNX detector wants its pictures and gives its boxes, proven on samples.

Shapes alone do not tell: raw and decoded YOLOX look alike, and no shape says RGB or BGR, or how
values are scaled. So every way that fits the shapes is tried on sample pictures, and the one wins
whose detections agree best with themselves when the picture is flipped left to right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import decode_boxes
from appliance.analysis.detector import CPU
from appliance.analysis.engine.devices import open_session
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import placed, tensor_of
from federation.packages.manifest import ModelInput
from federation.packages.outputs import DenseOutput, Nms, RowsOutput

CONF = 0.35
SAME_IOU = 0.5
LEAST_PROOF = 0.5
STRIDES = (8, 16, 32)


class CannotPropose(Exception):
    """The model's shapes fit no decoder, or no sample proves one of those that fit."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """How to feed and read the model, and how much detections on the samples support it."""

    input: ModelInput
    output: DenseOutput | RowsOutput
    support: float


EXAMPLE = Proposal(
    input=ModelInput(tensor="images", size=(640, 640)),
    output=DenseOutput(decoder="dense", tensor="output0", channels_first=True),
    support=0.0,
)
"""What a new package starts from: a YOLOv8 export."""


def propose(model: bytes, labels: int, samples: Sequence[Picture]) -> Proposal:
    """Return the best supported way to use `model`, which tells `labels` classes apart.

    Raises CannotPropose with what to do.
    """
    session = open_session(model, CPU)
    (entry, *more), (result, *_) = session.get_inputs(), session.get_outputs()
    shape = list(entry.shape)
    if more or len(shape) != 4 or entry.type != "tensor(float)" or not _is_size(shape[2:]):
        raise CannotPropose(f"the model takes {entry.type} {shape}; one float input [1, 3, height, width] is needed")
    size = (int(shape[3]), int(shape[2]))
    outputs = _outputs(result.name, list(result.shape), labels, size)
    if not outputs:
        raise CannotPropose(f"no decoder fits the output {result.shape} with {labels} labels")
    if not samples:
        raise CannotPropose("give sample pictures with --samples: shapes alone do not tell enough")
    found = [
        Proposal(input=way, output=output, support=_support(session, way, output, samples, labels))
        for way, output in product(_inputs(entry.name, size), outputs)
    ]
    best = max(found, key=lambda proposal: proposal.support)
    if best.support < LEAST_PROOF:
        raise CannotPropose("nothing was found in the samples; give pictures that show its objects")
    return best


def _inputs(name: str, size: tuple[int, int]) -> list[ModelInput]:
    anchors: tuple[Literal["topleft", "centre"], ...] = ("topleft", "centre")
    colors: tuple[Literal["BGR", "RGB"], ...] = ("BGR", "RGB")
    return [
        ModelInput(tensor=name, size=size, color=color, anchor=anchor, scale=scale)
        for color in colors
        for scale in (1.0, 1 / 255)
        for anchor in anchors
    ]


def _outputs(name: str, shape: list[Any], labels: int, size: tuple[int, int]) -> list[DenseOutput | RowsOutput]:
    if shape[-1] == 6 and labels != 1:
        return [RowsOutput(decoder="rows", tensor=name, conf=CONF)]
    if len(shape) != 3:
        return []
    channels_first = shape[1] in {4 + labels, 5 + labels}
    channels, places = (shape[1], shape[2]) if channels_first else (shape[2], shape[1])
    if channels not in {4 + labels, 5 + labels}:
        return []
    cells = sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)
    grids = [None, STRIDES] if places == cells else [None]
    return [
        DenseOutput(
            decoder="dense",
            tensor=name,
            channels_first=channels_first,
            objectness=channels == 5 + labels,
            grid=grid,
            conf=CONF,
            nms=Nms(iou=0.45),
        )
        for grid in grids
    ]


def _support(
    session: Any,
    way: ModelInput,
    output: DenseOutput | RowsOutput,
    samples: Sequence[Picture],
    labels: int,
) -> float:
    """Return the summed scores of plausible detections that are found again in the mirrored picture."""
    total = 0.0
    for picture in samples:
        plain, scores = _boxes(session, way, output, picture, labels)
        mirrored, _ = _boxes(session, way, output, np.ascontiguousarray(picture[:, ::-1]), labels)
        back = mirrored.copy()
        back[:, [0, 2]] = 1.0 - mirrored[:, [2, 0]]
        total += sum(
            float(score)
            for box, score in zip(plain, scores, strict=True)
            if _is_plausible(box) and _overlaps(box, back)
        )
    return total / len(samples)


def _boxes(
    session: Any,
    way: ModelInput,
    output: DenseOutput | RowsOutput,
    picture: Picture,
    labels: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    canvas, placement = placed(picture, way)
    (values,) = session.run([output.tensor], {way.tensor: tensor_of([canvas], way)})
    found = decode_boxes({output.tensor: np.asarray(values)}, output, size=way.size, labels=labels)
    return placement.to_shares(found.xyxy), found.scores


def _is_plausible(box: NDArray[np.float32]) -> bool:
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    return 0.005 < width < 0.95 and 0.005 < height < 0.95


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    if not len(others):
        return False
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    areas = np.maximum(others[:, 2:] - others[:, :2], 0).prod(axis=1)
    own = float(np.maximum(box[2:] - box[:2], 0).prod())
    return bool((shared / np.maximum(areas + own - shared, 1e-9)).max() >= SAME_IOU)


def _is_size(values: list[Any]) -> bool:
    return all(isinstance(value, int) and 16 <= value <= 4096 for value in values)
