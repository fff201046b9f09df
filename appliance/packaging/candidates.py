"""Every way that fits a model's shapes and metadata: how it may want its pictures, and what its tensors may mean."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Literal

from appliance.packaging.facts import ModelFacts, TensorFacts
from federation.packages.manifest import ExtraInput, ModelInput
from federation.packages.outputs import (
    ClassOutput,
    DenseOutput,
    Keypoints,
    ModelOutput,
    Nms,
    RowsOutput,
    SemanticOutput,
    SplitOutput,
)

CONF = 0.35
STRIDES = (8, 16, 32)
USUAL_SIDE = 640

_DTYPES: dict[str, Literal["float32", "float16", "uint8"]] = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
}
_EXTRA_DTYPES: dict[str, Literal["int64", "float32"]] = {"tensor(int64)": "int64", "tensor(float)": "float32"}
_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_PLAIN = {"color": "RGB", "scale": 1 / 255}


def ways(facts: ModelFacts) -> list[ModelInput]:
    """Return how the model may want its pictures; nothing if it takes no picture.

    An Ultralytics export says so itself; of every other, color, scale and place of the picture are open.
    """
    pictures = [item for item in facts.inputs if len(item.shape) == 4]
    rest = [item for item in facts.inputs if len(item.shape) != 4]
    if len(pictures) != 1 or pictures[0].type not in _DTYPES or any(not _is_size_input(item) for item in rest):
        return []
    entry = pictures[0]
    layout = "NHWC" if entry.shape[3] == 3 else "NCHW"
    height, width = entry.shape[1:3] if layout == "NHWC" else entry.shape[2:4]
    known = facts.size or (USUAL_SIDE, USUAL_SIDE)
    fixed = {
        "tensor": entry.name,
        "dtype": _DTYPES[entry.type],
        "layout": layout,
        "size": (width or known[0], height or known[1]),
        "extra": tuple(ExtraInput(tensor=item.name, dtype=_EXTRA_DTYPES[item.type]) for item in rest),
    }
    return [ModelInput.model_validate({**fixed, **way}) for way in _open_ways(facts)]


def _open_ways(facts: ModelFacts) -> list[dict[str, Any]]:
    if facts.task is not None:
        return [{**_PLAIN, "resize": "stretch" if facts.task == "classify" else "letterbox"}]
    boxed = [
        {"color": color, "scale": scale, "anchor": anchor}
        for color, scale, anchor in product(("BGR", "RGB"), (1.0, 1 / 255), ("topleft", "centre"))
    ]
    return [*boxed, {**_PLAIN, "resize": "stretch"}, {**_PLAIN, **_IMAGENET, "resize": "stretch"}]


def _is_size_input(item: TensorFacts) -> bool:
    return item.type in _EXTRA_DTYPES and len(item.shape) == 2 and item.shape[1] == 2


def readings(facts: ModelFacts, labels: int, size: tuple[int, int]) -> list[ModelOutput]:
    """Return what the model's tensors may mean for so many labels and an input of `size`, width and height in px."""
    found = (
        *_whole(facts.outputs, labels),
        *_rows(facts.outputs),
        *_dense(facts, labels, size),
        *_split(facts.outputs, labels),
    )
    return list(found)


def _whole(outputs: Sequence[TensorFacts], labels: int) -> Iterator[ModelOutput]:
    only = outputs[0]
    if len(outputs) == 1 and len(only.shape) == 2 and only.shape[1] == labels:
        activations: tuple[Literal["none", "softmax"], ...] = ("none", "softmax")
        yield from (ClassOutput(decoder="class", tensor=only.name, activation=activation) for activation in activations)
    if len(outputs) == 1 and len(only.shape) == 4 and only.shape[1] == labels:
        yield SemanticOutput(decoder="semantic", tensor=only.name)


def _rows(outputs: Sequence[TensorFacts]) -> Iterator[ModelOutput]:
    only = outputs[0]
    if len(outputs) == 1 and only.shape[-1:] == (6,) and len(only.shape) in {2, 3}:
        yield RowsOutput(decoder="rows", tensor=only.name, conf=CONF)


def _dense(facts: ModelFacts, labels: int, size: tuple[int, int]) -> Iterator[ModelOutput]:
    main, *others = facts.outputs
    protos = next((item for item in others if len(item.shape) == 4), None)
    if len(main.shape) != 3 or (others and protos is None):
        return
    extra = _extra_channels(facts, protos)
    cells = sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)
    for channels_first, objectness in product((True, False), (False, True)):
        channels, places = main.shape[1:3] if channels_first else (main.shape[2], main.shape[1])
        if channels != 4 + objectness + labels + extra:
            continue
        for grid in (None, STRIDES) if objectness and places == cells else (None,):
            yield DenseOutput(
                decoder="dense",
                tensor=main.name,
                channels_first=channels_first,
                objectness=objectness,
                grid=grid,
                conf=CONF,
                nms=Nms(iou=0.45),
                protos=None if protos is None else protos.name,
                keypoints=_keypoints(facts),
            )


def _extra_channels(facts: ModelFacts, protos: TensorFacts | None) -> int:
    if protos is not None:
        return protos.shape[1] or 0
    count, figures = facts.keypoints or (0, 0)
    return count * figures


def _keypoints(facts: ModelFacts) -> Keypoints | None:
    return None if facts.keypoints is None else Keypoints(count=facts.keypoints[0], scored=facts.keypoints[1] == 3)


def _split(outputs: Sequence[TensorFacts], labels: int) -> Iterator[ModelOutput]:
    boxes = next((item for item in outputs if len(item.shape) in {2, 3} and item.shape[-1] == 4), None)
    if boxes is None or len(outputs) not in {2, 3}:
        return
    rest = [item for item in outputs if item is not boxes]
    if len(rest) == 2:
        whole = next((item for item in rest if "int" in item.type), None)
        scores = next((item for item in rest if item is not whole), None)
        if whole is not None and scores is not None:
            yield SplitOutput(decoder="split", boxes=boxes.name, scores=scores.name, labels=whole.name, conf=CONF)
        return
    for activation, background in (("sigmoid", "none"), ("softmax", "last"), ("softmax", "first"), ("none", "none")):
        if rest[0].shape[-1] == labels + (background != "none"):
            yield SplitOutput.model_validate(
                {
                    "decoder": "split",
                    "boxes": boxes.name,
                    "logits": rest[0].name,
                    "box": "cxcywh",
                    "normalised": True,
                    "activation": activation,
                    "background": background,
                    "conf": CONF,
                }
            )
