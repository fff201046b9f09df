"""A model at work: pictures that lie in its input go in, and what its heads make of its tensors comes out."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from appliance.analysis.decoders import Outcome, decode
from appliance.analysis.decoders.dense import places_of
from appliance.analysis.engine.devices import (
    GPU_RUNS,
    GPU_SINGLE_RUNS,
    ComputedBy,
    Device,
    Provider,
    bucket,
    open_session,
)
from appliance.analysis.engine.entry import CardEntry
from appliance.analysis.engine.exit import CardExit, can_narrow
from appliance.analysis.engine.tensorrt import PROVIDER, load_libraries, provider, refuse_absent
from appliance.analysis.preprocessing import Placement, tensor_of
from appliance.analysis.sightings import Sighting, sightings
from federation.packages.manifest import ModelInput
from federation.packages.outputs import DenseOutput, ModelOutput, SemanticOutput, tensors_of

MOST_AT_ONCE = 16
_TYPES = {"float32": "tensor(float)", "float16": "tensor(float16)", "uint8": "tensor(uint8)"}
_PROVIDERS: Mapping[str, ComputedBy] = {
    PROVIDER: "TensorRT",
    "CUDAExecutionProvider": "CUDA",
    "CPUExecutionProvider": "CPU",
}
Tensors = Mapping[str, NDArray[Any]]
Canvases = NDArray[np.uint8]
"""(n, height, width, 3), BGR: pictures that lie in the input as `placed` lays them."""


class Network:
    """One session of one model. `run` is thread-safe."""

    def __init__(self, declared: ModelInput, model: bytes, device: Device, plan: str = "") -> None:
        """Load the model; raise ValueError if its inputs are not as declared, CardFails if its card cannot be used.

        On a card it is computed by TensorRT where a folder is named that holds its plan, or is to hold it.
        """
        self._declared = declared
        first, self.tensorrt = _by_plan(model, declared, device, plan)
        self._session = open_session(model, device, first)
        self._device = device
        self._entry = None if device.kind == "cpu" else CardEntry(declared, device)
        self._exits: dict[str, tuple[tuple[DenseOutput, int], CardExit | None]] = {}
        entries = self._session.get_inputs()
        self.outputs = frozenset(item.name for item in self._session.get_outputs())
        if {declared.tensor, *(extra.tensor for extra in declared.extra)} != {item.name for item in entries}:
            names = sorted(item.name for item in entries)
            msg = f"the model has inputs {names}, outputs {sorted(self.outputs)}"
            raise ValueError(msg)
        entry = next(item for item in entries if item.name == declared.tensor)
        _refuse_other_shape(entry, declared)
        fixed = device.kind == "cpu" or isinstance(entry.shape[0], int) or bool(declared.extra)
        self.batch = 1 if fixed else max(MOST_AT_ONCE, device.batch)
        # On a card alone: onnxruntime keeps handles and memory there for every thread that ever ran, so they are few.
        self._runs = ThreadPoolExecutor(GPU_RUNS if self.batch > 1 else GPU_SINGLE_RUNS, thread_name_prefix="card")
        self._warm = 1 if self._entry is None else min(self.batch, device.batch)

    @property
    def provider(self) -> ComputedBy:
        """What computes it."""
        return _PROVIDERS[self._session.get_providers()[0]]

    def warm(self) -> None:
        """Run once with every size of batch that a card will see: a new one costs it time, now and not on duty."""
        width, height = self._declared.size
        sizes = {bucket(pictures, self._warm) for pictures in range(1, self._warm + 1)} if self._entry else ()
        for size in sorted(sizes):
            self.run(np.full((size, height, width, 3), 128, np.uint8), self.outputs)

    def narrow(self, output: ModelOutput, labels: int) -> None:
        """Let only the strongest rows of a dense tensor come back from a card, if all who read it read it alike."""
        if self._entry is None or not isinstance(output, DenseOutput):
            return
        given = next(item for item in self._session.get_outputs() if item.name == output.tensor)
        if not can_narrow(output, given.shape, given.type, self._declared.size):
            return
        alike = (output.model_copy(update={"conf": 0.0, "nms": None}), labels)
        before = self._exits.get(output.tensor)
        if before is None:
            self._exits[output.tensor] = (alike, CardExit(output, labels, given.type, self._device))
        elif before[0] != alike:
            self._exits[output.tensor] = (before[0], None)

    def run(
        self, canvases: Canvases, wanted: Collection[str], whole: Collection[str] = ()
    ) -> list[dict[str, NDArray[Any]]]:
        """Return the wanted tensors of every picture, each with a leading axis of 1 as if it had come alone.

        Those in `whole` come as the model gives them; of others a card may give the strongest rows and their places.
        """
        found: list[dict[str, NDArray[Any]]] = []
        for first in range(0, len(canvases), self.batch):
            part = canvases[first : first + self.batch]
            size = bucket(len(part), self.batch)
            found += _apart(self._values(sorted({*wanted, *whole}), _filled(part, size), whole), len(part), size)
        return found

    def _values(self, names: list[str], canvases: Canvases, whole: Collection[str]) -> dict[str, NDArray[Any]]:
        extras = {extra.tensor: np.array([self._declared.size], extra.dtype) for extra in self._declared.extra}
        if self._entry is None:
            given = {self._declared.tensor: tensor_of(canvases, self._declared), **extras}
            return dict(zip(names, map(np.asarray, self._session.run(names, given)), strict=True))
        return self._runs.submit(self._on_card, self._entry, names, canvases, extras, whole).result()

    def _on_card(
        self, entry: CardEntry, names: list[str], canvases: Canvases, extras: Tensors, whole: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        exits = {name: self._exits[name][1] for name in names if name in self._exits and name not in whole}
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._declared.tensor, entry.tensor_of(canvases))
        for name, value in extras.items():
            binding.bind_cpu_input(name, value)
        for name in names:
            binding.bind_output(name, *(("cuda", self._device.index) if exits.get(name) else ()))
        self._session.run_with_iobinding(binding)
        found: dict[str, NDArray[Any]] = {}
        for name, value in zip(names, binding.get_outputs(), strict=True):
            way_out = exits.get(name)
            found |= {name: value.numpy()} if way_out is None else way_out.strongest(value)
        return found


class Head:
    """What one algorithm makes of a model's tensors: a decoder, and the labels that it tells apart."""

    def __init__(self, output: ModelOutput, labels: tuple[str, ...], size: tuple[int, int]) -> None:
        """Set up for a model whose input has `size`, width and height in px."""
        self.tensors = tensors_of(output)
        self._output = output
        self._labels = labels
        self._size = size

    def outcome(self, tensors: Tensors) -> Outcome:
        """Return what the tensors of one picture say; raise BadOutput."""
        own = {name: tensors[name] for name in self.tensors}
        own |= {name: tensors[name] for name in map(places_of, self.tensors) if name in tensors}
        return decode(own, self._output, size=self._size, labels=self._labels)

    def see(self, tensors: Tensors, placement: Placement) -> tuple[Sighting, ...]:
        """Return what was seen in the picture that lies so in the input, strongest first; raise BadOutput."""
        least = self._output.min_share if isinstance(self._output, SemanticOutput) else 0.0
        return sightings(self.outcome(tensors), placement, self._size, min_share=least)


def _by_plan(model: bytes, declared: ModelInput, device: Device, plan: str) -> tuple[Provider | None, str]:
    """Return TensorRT with its version, where it is asked for on a card; raise CardFails where it is not here."""
    if not plan or device.kind == "cpu":
        return None, ""
    refuse_absent()
    ort.preload_dlls(directory="")  # what it needs of CUDA
    return provider(model, declared, device, plan), load_libraries()


def _refuse_other_shape(entry: Any, declared: ModelInput) -> None:
    width, height = declared.size
    shape = [1, 3, height, width] if declared.layout == "NCHW" else [1, height, width, 3]
    fits = len(entry.shape) == 4 and all(
        not isinstance(has, int) or has == wanted for has, wanted in zip(entry.shape, shape, strict=True)
    )
    if not fits or entry.type != _TYPES[declared.dtype]:
        msg = f"{entry.name} is {entry.type} {entry.shape}; declared is {declared.dtype} {shape}"
        raise ValueError(msg)


def _filled(canvases: Canvases, size: int) -> Canvases:
    """Return a batch of `size`, the last picture again and again where there are fewer."""
    missing = size - len(canvases)
    return np.concatenate([canvases, np.repeat(canvases[-1:], missing, axis=0)]) if missing else canvases


def _apart(tensors: Tensors, pictures: int, size: int) -> list[dict[str, NDArray[Any]]]:
    if size == 1:
        return [dict(tensors)]
    return [{name: value[index : index + 1] for name, value in tensors.items()} for index in range(pictures)]
