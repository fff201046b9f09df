"""A detector: an ONNX model with the pre- and post-processing that its manifest declares, in this very process."""

import numpy as np

from appliance.analysis.decoders import Outcome
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import Placement, placed
from appliance.analysis.sightings import detection
from federation.messages import Detection
from federation.packages.manifest import Manifest

CPU = Device(kind="cpu")


class Detector:
    """One session of one model; its methods are thread-safe."""

    def __init__(self, manifest: Manifest, model: bytes) -> None:
        """Load the model and try it on a grey picture; raises ValueError when the manifest and it do not fit."""
        if manifest.input is None or manifest.output is None:
            msg = f"{manifest.id} declares no model"
            raise ValueError(msg)
        self._input = manifest.input
        self._labels = manifest.labels
        self._network = Network(manifest.input, model, CPU)
        self._head = Head(manifest.output, manifest.labels, manifest.input.size)
        absent = set(self._head.tensors) - self._network.outputs
        if absent:
            msg = f"the model of {manifest.id} has outputs {sorted(self._network.outputs)}, and no {sorted(absent)}"
            raise ValueError(msg)
        width, height = self._input.size
        self.infer(np.full((height, width, 3), 128, np.uint8))  # a model not as declared shows here, not on duty

    def infer(self, picture: Picture) -> tuple[Outcome, Placement]:
        """Return what the model says of a BGR picture, and how the picture lies in its input; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        (tensors,) = self._network.run([canvas], self._head.tensors)
        return self._head.outcome(tensors), placement

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the model finds in a BGR picture, strongest first; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        (tensors,) = self._network.run([canvas], self._head.tensors)
        return tuple(detection(item, self._labels) for item in self._head.see(tensors, placement))
