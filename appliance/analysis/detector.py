"""A detector: an ONNX model with the pre- and post-processing that its manifest declares."""

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from appliance.analysis.decoders import decode
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import prepare
from federation.messages import Box, Detection
from federation.packages.manifest import Manifest


class Detector:
    """One session of one model, shared by all tasks of its package; `detect` is thread-safe."""

    def __init__(self, manifest: Manifest, model: bytes) -> None:
        """Load the model; raises ValueError with the reason when the manifest and it do not fit."""
        if manifest.input is None or manifest.output is None:
            msg = f"{manifest.id} declares no model"
            raise ValueError(msg)
        self._input = manifest.input
        self._output = manifest.output
        self._labels = manifest.labels
        self._session = open_session(model)
        inputs = {item.name for item in self._session.get_inputs()}
        outputs = {item.name for item in self._session.get_outputs()}
        if self._input.tensor not in inputs or self._output.tensor not in outputs:
            msg = f"the model of {manifest.id} has inputs {sorted(inputs)}, outputs {sorted(outputs)}"
            raise ValueError(msg)

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the model finds in a BGR picture, strongest first."""
        tensor, placement = prepare(picture, self._input)
        (output,) = self._session.run([self._output.tensor], {self._input.tensor: tensor})
        found = decode(np.asarray(output), self._output, size=self._input.size)
        shares = placement.to_shares(found.xyxy)
        order = np.argsort(-found.scores, kind="stable")
        return tuple(
            self._detection(shares[index], float(found.scores[index]), int(found.classes[index]))
            for index in order
            if found.classes[index] < len(self._labels)
        )

    def _detection(self, corners: NDArray[np.float32], score: float, label: int) -> Detection:
        x1, y1, x2, y2 = (float(value) for value in corners)
        box = Box(x=x1, y=y1, width=max(0.0, x2 - x1), height=max(0.0, y2 - y1))
        return Detection(label=self._labels[label], score=min(1.0, round(score, 4)), box=box)


def open_session(model: bytes) -> ort.InferenceSession:
    """Return a CPU session that uses one thread a call and never spins while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
