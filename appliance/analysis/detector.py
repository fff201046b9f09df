"""A detector: an ONNX model with the pre- and post-processing that its manifest declares, in this very process."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import Outcome
from appliance.analysis.engine.branch import Branch
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import Placement, crop, placed
from appliance.analysis.sightings import detection
from federation.messages import Detection
from federation.packages import BadArchive, Package
from federation.packages.manifest import Manifest, Stage
from federation.packages.runtime import Platform

CPU = Device(kind="cpu")


class Detector:
    """One session of one model, or of a backbone and one of its head, and one of each second model.

    Its methods are thread-safe.
    """

    def __init__(self, manifest: Manifest, model: bytes, branch: bytes = b"", stages: Sequence[bytes] = ()) -> None:
        """Load the models and try each on a grey picture; raises ValueError when the manifest and one do not fit.

        `branch` is the graph of the head where `model` is a backbone, `stages` are the models of the manifest's stages:
        without them the first model is asked alone.
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
        self._stages = [
            (stage, _second(manifest, stage, content)) for stage, content in zip(manifest.stages, stages, strict=False)
        ]

    def infer(self, picture: Picture) -> tuple[Outcome, Placement]:
        """Return what the model says of a BGR picture, and how the picture lies in its input; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        return self._head.outcome(self._tensors(canvas)), placement

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the model finds in a BGR picture, strongest first, then what its stages do; raise BadOutput."""
        canvas, placement = placed(picture, self._input)
        first = [detection(item, self._labels) for item in self._head.see(self._tensors(canvas), placement)]
        return (*first, *(told for stage, model in self._stages for told in _staged(stage, model, first, picture)))

    def _tensors(self, canvas: Picture) -> dict[str, NDArray[Any]]:
        if self._branch is None:
            return self._network.run(canvas[None], self._head.tensors)[0]
        return self._branch.run(self._network.run(canvas[None], self._branch.features), self._head.tensors)[0]


def detector_of(package: Package, platform: Platform | None = None) -> Detector:
    """Return the detector of a package with the model of `platform`, or with that for a node of processors alone.

    Raises BadArchive where there is no model, or ValueError.
    """
    manifest = package.manifest
    chosen = platform or manifest.platform_on(()) or next(iter(manifest.runtime.platforms), None)
    files = () if chosen is None else chosen.files
    if not files:
        raise BadArchive(f"{package.path.name} holds no model")
    model, *branch = [package.read(file) for file in files]
    return Detector(manifest, model, b"".join(branch), [package.read(stage.file) for stage in manifest.stages])


def _second(manifest: Manifest, stage: Stage, model: bytes) -> Detector:
    alone = {"input": stage.input, "output": stage.output, "labels": stage.labels, "stages": ()}
    try:
        return Detector(manifest.model_copy(update=alone), model)
    except ValueError as error:
        raise type(error)(f"{stage.file}: {error}") from error


def _staged(stage: Stage, model: Detector, first: Sequence[Detection], picture: Picture) -> list[Detection]:
    """Return what a second model says of the things that it looks at, each where that thing is."""
    chosen = [item for item in first if item.label in stage.on][: stage.most]
    return [
        Detection(label=told.label, score=min(told.score, item.score), box=item.box)
        for item in chosen
        for told in model.detect(crop(picture, item.box, stage.margin))
    ]
