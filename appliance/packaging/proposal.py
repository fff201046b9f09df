"""Proposes how a bare ONNX model wants its pictures and what its tensors mean, proven on samples.

Shapes alone do not tell: raw and decoded YOLOX look alike, and no shape says RGB or BGR, or how values are scaled. So
every way that fits shapes and metadata is tried on sample pictures, and the one wins whose findings agree best with
themselves when the picture is flipped left to right. Six figures a place may be finished rows, or a dense detector of
one label or two: what stands in them tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import BadOutput
from appliance.analysis.detector import CPU
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import Placement, placed
from appliance.analysis.sightings import Sighting
from appliance.packaging.candidates import readings, ways
from appliance.packaging.coco import LABELS
from appliance.packaging.facts import facts_of
from federation.packages.manifest import ModelInput
from federation.packages.outputs import ClassOutput, DenseOutput, ModelOutput, RowsOutput, tensors_of
from federation.packages.packing import Fault

SAME_IOU = 0.5
LEAST_PROOF = 0.5
"""Of the scores of all samples together: one finding that is sure."""

_SLACK = 0.001  # of a score above 1


class CannotPropose(Exception):
    """The model's shapes fit no decoder, or no sample proves one of those that fit; `code` is stable."""

    def __init__(self, code: Fault, detail: str) -> None:
        """Say what keeps the model from being packed, and what to do."""
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """How to feed and read the model, what its labels are, and the scores that support it, per sample."""

    input: ModelInput
    output: ModelOutput
    labels: tuple[str, ...]
    support: float


EXAMPLE = Proposal(
    input=ModelInput(tensor="images", size=(640, 640)),
    output=DenseOutput(decoder="dense", tensor="output0", channels_first=True),
    labels=("person",),
    support=0.0,
)
"""What a new package starts from: a YOLOv8 export."""


def propose(model: bytes, labels: tuple[str, ...] | None, samples: Sequence[Picture]) -> Proposal:
    """Return the best supported way to use `model`; its labels are the given ones, else its own, else those of COCO.

    Raises CannotPropose with what to do.
    """
    facts = facts_of(model)
    if facts.task == "obb":
        raise CannotPropose("no_decoder", "boxes that are turned (task obb) cannot be read")
    told = labels or facts.labels or LABELS
    inputs = ways(facts)
    if not inputs:
        shapes = ", ".join(f"{item.name} {item.type} {list(item.shape)}" for item in facts.inputs)
        raise CannotPropose(
            "no_picture_input", f"the model takes {shapes}; one picture [1, 3, height, width] is needed"
        )
    outputs = readings(facts, len(told), inputs[0].size)
    if not outputs:
        shapes = ", ".join(f"{item.name} {list(item.shape)}" for item in facts.outputs)
        detail = f"no decoder fits the outputs {shapes} with {len(told)} labels; name them with --labels"
        raise CannotPropose("no_decoder", detail)
    if not samples:
        raise CannotPropose("no_samples", "give sample pictures with --samples: shapes alone do not tell enough")
    best = max(
        (item for way in inputs for item in _tried(model, way, outputs, told, samples)),
        key=lambda proposal: proposal.support,
        default=None,
    )
    if best is None or best.support * len(samples) < LEAST_PROOF:
        raise CannotPropose("nothing_found", "nothing was found in the samples; give pictures that show its objects")
    return best


def _tried(
    model: bytes, way: ModelInput, outputs: Sequence[ModelOutput], labels: tuple[str, ...], samples: Sequence[Picture]
) -> list[Proposal]:
    network = Network(way, model, CPU)
    heads = [Head(output, labels, way.size) for output in outputs]
    wanted = {name for output in outputs for name in tensors_of(output)}
    support = [0.0] * len(heads)
    rows = _ambiguous(outputs)
    finished: list[bool] = []
    for picture in samples:
        plain, there = placed(picture, way)
        flipped, _ = placed(np.ascontiguousarray(picture[:, ::-1]), way)
        (seen,), (again,) = network.run(plain[None], wanted), network.run(flipped[None], wanted)
        finished += [_is_finished(tensors[rows]) for tensors in (seen, again) if rows is not None]
        for index, head in enumerate(heads):
            support[index] += _agreement(
                _see(head, seen, there), _see(head, again, there), whole=_is_whole(outputs[index])
            )
    return [
        Proposal(input=way, output=output, labels=labels, support=total / len(samples))
        for output, total in zip(outputs, support, strict=True)
        if rows is None or isinstance(output, RowsOutput) == all(finished)
    ]


def _see(head: Head, tensors: Mapping[str, NDArray[np.generic]], there: Placement) -> tuple[Sighting, ...]:
    try:
        return head.see(tensors, there)
    except BadOutput:
        return ()


def _ambiguous(outputs: Sequence[ModelOutput]) -> str | None:
    """Return the tensor that may hold finished rows and may be a dense detector's."""
    dense = any(isinstance(output, DenseOutput) for output in outputs)
    return next((output.tensor for output in outputs if dense and isinstance(output, RowsOutput)), None)


def _is_finished(tensor: NDArray[np.generic]) -> bool:
    """Tell whether rows of six figures are finished detections: every one with its corners in order and a whole label.

    The places of a dense detector of one label or two are as wide; but in few of them both figures of a centre are
    below width and height, and a score is whole.
    """
    x1, y1, x2, y2, _, label = np.asarray(tensor, np.float32).reshape(-1, 6).T
    return bool(np.all((x1 <= x2) & (y1 <= y2) & (label == np.floor(label))))


def _is_whole(output: ModelOutput) -> bool:
    return isinstance(output, ClassOutput)


def _agreement(seen: Sequence[Sighting], mirrored: Sequence[Sighting], *, whole: bool) -> float:
    """Return the summed scores of what is plausible and found again in the mirrored picture; scores lie in 0..1."""
    if any(not 0 <= item.score <= 1 + _SLACK for item in seen):
        return 0.0
    back = [(np.array([1 - box[2], box[1], 1 - box[0], box[3]], np.float32), label) for box, _, label, _ in mirrored]
    return sum(
        score
        for box, score, label, _ in seen
        if (whole or _is_plausible(box))
        and any(label == other and _iou(box, there) >= SAME_IOU for there, other in back)
    )


def _is_plausible(box: NDArray[np.float32]) -> bool:
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    return 0.005 < width < 0.95 and 0.005 < height < 0.95


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.maximum(sides, 0).prod())
    union = float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - shared
    return shared / union if union > 0 else 0.0
