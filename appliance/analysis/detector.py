"""A detector: an ONNX model with the pre- and post-processing that its manifest declares, in this very process."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import Outcome
from appliance.analysis.engine.branch import Branch
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import Placement, placed
from appliance.analysis.sightings import detection
from federation.messages import Detection
from federation.packages import BadArchive, Package
from federation.packages.manifest import Manifest

CPU = Device(kind="cpu")


class Detector:
    """One session of one model, or of a backbone and one of its head; its methods are thread-safe."""

    def __init__(self, manifest: Manifest, model: bytes, branch: bytes = b"") -> None:
        """Load the model and try it on a grey picture; raises ValueError when the manifest and it do not fit.

        `branch` is the graph of the head where `model` is a backbone.
        """
        if manifest.input is None or manifest.output is None:
            msg = f"{manifest.id} declares no model"
            raise ValueError(msg)
        self._input = manifest.input
        self._labels = manifest.labels
        self._network = Network(manifest.input, model, CPU)
        self._head = Head(manifest.output, manifest.labels, manifest.input.size)
        self._branch = Branch(branch, CPU) if branch else None
        outputs = self._network.outputs if self._branch is None else self._branch.outputs
        absent = set(self._head.tensors) - outputs
        if absent:
            msg = f"the model of {manifest.id} has outputs {sorted(outputs)}, and no {sorted(absent)}"
            raise ValueError(msg)
        width, height = self._input.size
        self.infer(np.full((height, width, 3), 128, np.uint8))  # a model not as declared shows here, not on duty

    def infer(self, picture: Picture) -> tuple[Outcome, Placement]:
        """Return what the model says of a BGR picture, and how the picture lies in its input; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        return self._head.outcome(self._tensors(canvas)), placement

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the model finds in a BGR picture, strongest first; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        return tuple(detection(item, self._labels) for item in self._head.see(self._tensors(canvas), placement))

    def _tensors(self, canvas: Picture) -> dict[str, NDArray[Any]]:
        if self._branch is None:
            return self._network.run(canvas[None], self._head.tensors)[0]
        return self._branch.run(self._network.run(canvas[None], self._branch.features), self._head.tensors)[0]


def detector_of(package: Package) -> Detector:
    """Return the detector of the package's first platform; raise BadArchive where it holds no model, or ValueError."""
    files = package.manifest.runtime.platforms[0].files if package.manifest.runtime.platforms else ()
    if not files:
        raise BadArchive(f"{package.path.name} holds no model")
    return Detector(package.manifest, *(package.read(file) for file in files))
