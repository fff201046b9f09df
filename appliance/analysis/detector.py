"""A detector: an ONNX model with the pre- and post-processing that its manifest declares."""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from appliance.analysis.decoders import Outcome, decode
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import Placement, prepare
from appliance.analysis.sightings import sightings
from federation.messages import Box, Detection
from federation.packages.manifest import Manifest, ModelInput
from federation.packages.outputs import SemanticOutput, tensors_of

_TYPES = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}


class Detector:
    """One session of one model, shared by all tasks of its package; its methods are thread-safe."""

    def __init__(self, manifest: Manifest, model: bytes) -> None:
        """Load the model and try it on a grey picture; raises ValueError when the manifest and it do not fit."""
        if manifest.input is None or manifest.output is None:
            msg = f"{manifest.id} declares no model"
            raise ValueError(msg)
        self._input = manifest.input
        self._output = manifest.output
        self._labels = manifest.labels
        self._wanted = tensors_of(manifest.output)
        self._session = open_session(model)
        self._extras = {extra.tensor: np.array([self._input.size], extra.dtype) for extra in self._input.extra}
        entries = self._session.get_inputs()
        inputs = {item.name for item in entries}
        outputs = {item.name for item in self._session.get_outputs()}
        if {self._input.tensor, *self._extras} != inputs or not set(self._wanted) <= outputs:
            msg = f"the model of {manifest.id} has inputs {sorted(inputs)}, outputs {sorted(outputs)}"
            raise ValueError(msg)
        _refuse_other_shape(next(item for item in entries if item.name == self._input.tensor), self._input)
        width, height = self._input.size
        self.infer(np.full((height, width, 3), 128, np.uint8))  # a model not as declared shows here, not on duty

    def infer(self, picture: Picture) -> tuple[Outcome, Placement]:
        """Return what the model says of a BGR picture, and how the picture lies in its input; raise BadOutput."""
        tensor, placement = prepare(picture, self._input)
        values = self._session.run(list(self._wanted), {self._input.tensor: tensor, **self._extras})
        tensors = dict(zip(self._wanted, map(np.asarray, values), strict=True))
        return decode(tensors, self._output, size=self._input.size, labels=self._labels), placement

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the model finds in a BGR picture, strongest first; raise BadOutput."""
        outcome, placement = self.infer(picture)
        least = self._output.min_share if isinstance(self._output, SemanticOutput) else 0.0
        return tuple(
            self._detection(corners, score, label)
            for corners, score, label in sightings(outcome, placement, self._input.size, min_share=least)
        )

    def _detection(self, corners: NDArray[np.float32], score: float, label: int) -> Detection:
        x1, y1, x2, y2 = (float(value) for value in corners)
        box = Box(x=x1, y=y1, width=max(0.0, x2 - x1), height=max(0.0, y2 - y1))
        return Detection(label=self._labels[label], score=max(0.0, min(1.0, round(score, 4))), box=box)


def _refuse_other_shape(entry: Any, declared: ModelInput) -> None:
    width, height = declared.size
    shape = [1, 3, height, width] if declared.layout == "NCHW" else [1, height, width, 3]
    fits = len(entry.shape) == 4 and all(
        not isinstance(has, int) or has == wanted for has, wanted in zip(entry.shape, shape, strict=True)
    )
    if not fits or entry.type != _TYPES[declared.dtype]:
        msg = f"{entry.name} is {entry.type} {entry.shape}; declared is {declared.dtype} {shape}"
        raise ValueError(msg)


def open_session(model: bytes) -> ort.InferenceSession:
    """Return a CPU session that uses one thread a call and never spins while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
