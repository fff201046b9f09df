"""What an ONNX file says of itself: its tensors, and what its exporter wrote beside them."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.analysis.detector import CPU
from appliance.analysis.engine.devices import open_session

MOST_LABELS = 10_000


@dataclass(frozen=True, kw_only=True)
class TensorFacts:
    """A tensor's name, type as onnxruntime writes it, and shape; an axis that may have any length is None."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The tensors of a model, and the metadata of its exporter."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    metadata: Mapping[str, str]

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels that an Ultralytics export carries in `names`, in order."""
        names = _literal(self.metadata.get("names", ""))
        if isinstance(names, dict) and all(isinstance(key, int) for key in names):
            names = [names[key] for key in sorted(names)]
        if not isinstance(names, list) or not 0 < len(names) <= MOST_LABELS:
            return None
        return tuple(str(name).strip()[:64] or str(index) for index, name in enumerate(names))

    @property
    def task(self) -> str | None:
        """What an Ultralytics export is for: detect, segment, pose, classify or obb; None for every other."""
        return self.metadata.get("task") if {"names", "stride"} <= set(self.metadata) else None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height that `imgsz` names."""
        sides = _literal(self.metadata.get("imgsz", ""))
        if isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, int) for side in sides):
            return sides[1], sides[0]
        return None

    @property
    def keypoints(self) -> tuple[int, int] | None:
        """How many keypoints a pose model gives, and how many figures each has (2 or 3)."""
        shape = _literal(self.metadata.get("kpt_shape", ""))
        if isinstance(shape, list) and len(shape) == 2 and all(isinstance(part, int) for part in shape):
            return shape[0], shape[1]
        return None


def facts_of(model: bytes) -> ModelFacts:
    """Return what the model says of itself; raises RuntimeError for what onnxruntime does not load."""
    session = open_session(model, CPU)
    metadata = session.get_modelmeta().custom_metadata_map
    return ModelFacts(
        inputs=tuple(_tensor(item) for item in session.get_inputs()),
        outputs=tuple(_tensor(item) for item in session.get_outputs()),
        metadata={str(key): str(value) for key, value in metadata.items()},
    )


def _tensor(item: Any) -> TensorFacts:
    shape = tuple(axis if isinstance(axis, int) else None for axis in item.shape)
    return TensorFacts(name=item.name, type=item.type, shape=shape)


def _literal(text: str) -> Any:
    try:
        found = ast.literal_eval(text[:1_000_000])
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return list(found) if isinstance(found, tuple) else found
