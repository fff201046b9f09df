"""The process of one model: it computes, within its limits, and knows nothing else.

It is forked from a server that has loaded the libraries already, so that one more costs its model and little besides.
"""

import contextlib
import math
import os
import re
import resource
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import BadOutput
from appliance.analysis.engine.branch import Branch
from appliance.analysis.engine.devices import CardFails, Device
from appliance.analysis.engine.network import Head, Network, Tensors
from appliance.analysis.engine.wire import (
    ASK,
    Answer,
    Fault,
    Forget,
    Look,
    Message,
    Open,
    Places,
    Row,
    Spent,
    Teach,
    packed,
)
from appliance.analysis.preprocessing import Placement
from appliance.analysis.sightings import MOST_AREAS, Sighting
from federation.packages.manifest import ModelInput

SPARE_BYTES = 512 << 20
"""Address space that threads and allocators reserve and do not use."""

FILE_BYTES = 1 << 20
"""No model writes files; one whose plan is built may be given more."""

_PLACE = re.compile(r"/onnxruntime_src/.*?\) (?=[A-Z])")

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What this process may take beside what it began with. A card maps far more than it uses: there it is watched."""

    bound: bool
    began_with_bytes: int

    def grant(self, memory_bytes: int) -> None:
        """Let the process take so much from now on."""
        if self.bound:
            most = self.began_with_bytes + memory_bytes + SPARE_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


@dataclass(frozen=True, kw_only=True)
class _Taught:
    head: Head
    branch: str


def serve(ends: Sequence[tuple[Connection, Any]], device: Device, memory_bytes: int, file_bytes: int) -> None:
    """Answer on every connection, each on a thread of its own with its slot for pictures, until they are closed."""
    allowance = Allowance(bound=device.kind == "cpu", began_with_bytes=own_pages()[0] * _PAGE_BYTES)
    _shut_in(file_bytes)
    allowance.grant(memory_bytes)
    cv2.setNumThreads(1)
    own = Networks(device, allowance)
    threads = [threading.Thread(target=own.answer_all, args=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Networks:
    """The models of this process, and the heads over them, by name."""

    def __init__(self, device: Device, allowance: Allowance) -> None:
        """Start with none."""
        self._device = device
        self._allowance = allowance
        self._networks: dict[str, tuple[ModelInput, Network]] = {}
        self._branches: dict[str, Branch] = {}
        self._heads: dict[str, _Taught] = {}

    def answer_all(self, connection: Connection, slot: Any) -> None:
        """Answer until the other end is closed."""
        pictures = np.frombuffer(slot, np.uint8)
        with contextlib.suppress(EOFError, OSError):
            while True:
                asked = ASK.validate_json(connection.recv_bytes())
                follows = isinstance(asked, Open) or (isinstance(asked, Teach) and asked.branch)
                model = connection.recv_bytes() if follows else b""
                connection.send_bytes(self._answer(asked, model, pictures).model_dump_json().encode())

    def _answer(self, asked: Message, model: bytes, pictures: NDArray[np.uint8]) -> Answer:
        try:
            match asked:
                case Open():
                    return self._open(asked, model)
                case Teach():
                    return self._teach(asked, model)
                case Forget():
                    return self._forget(asked)
                case Look():
                    return self._look(asked, pictures)
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no parent of their own
            return Answer(fault=_fault(error))

    def _open(self, asked: Open, model: bytes) -> Answer:
        network = Network(asked.input, model, self._device, asked.plan)
        network.warm()
        self._networks[asked.network] = (asked.input, network)
        return Answer(batch=network.batch, provider=network.provider, tensorrt=network.tensorrt)

    def _teach(self, asked: Teach, model: bytes) -> Answer:
        self._allowance.grant(asked.memory_bytes)
        declared, network = self._networks[asked.network]
        head = Head(asked.output, asked.labels, declared.size)
        source: Network | Branch = network
        if asked.branch:
            source = self._branches.get(asked.branch) or Branch(model, self._device)
            _refuse_absent("the backbone", network.outputs, source.features)
            self._branches[asked.branch] = source
        _refuse_absent("the model", source.outputs, head.tensors)
        if source is network:
            network.narrow(asked.output, len(asked.labels))
        self._heads[asked.head] = _Taught(head=head, branch=asked.branch)
        return Answer(batch=network.batch)

    def _forget(self, asked: Forget) -> Answer:
        self._heads.pop(asked.head, None)
        used = {taught.branch for taught in self._heads.values()}
        self._branches = {name: branch for name, branch in self._branches.items() if name in used}
        return Answer()

    def _look(self, asked: Look, pictures: NDArray[np.uint8]) -> Answer:
        """Compute the network once, then every branch that is asked once, and let the heads read what came out.

        Of more pictures than a batch the first are read before the next are computed: their tensors take room.
        """
        heads = {name: self._heads[name] for name in asked.heads if name in self._heads}
        branches = {taught.branch: self._branches.get(taught.branch) for taught in heads.values()}
        if len(heads) < len(asked.heads) or any(name and branch is None for name, branch in branches.items()):
            return Answer(fault=Fault(code="gone", error="a head was let go meanwhile"))
        declared, network = self._networks[asked.network]
        width, height = declared.size
        shape = (len(asked.placements), height, width, 3)
        canvases = pictures[: math.prod(shape)].reshape(shape)
        features = {name for branch in branches.values() if branch for name in branch.features}
        reading = Reading()
        for first in range(0, len(canvases), network.batch):
            part = slice(first, first + network.batch)
            begun_s = time.perf_counter()
            tensors = network.run(canvases[part], _tensors(heads, ""), features)
            reading.took(asked.network, begun_s)
            for name, branch in branches.items():
                own = {head: it for head, it in heads.items() if it.branch == name and head not in reading.faults}
                reading.read(name, branch, tensors, asked.placements[part], own)
        return reading.answer()


@dataclass(kw_only=True)
class Reading:
    """What the heads make of one look; the fault of one is not that of the others."""

    spent: dict[str, Spent] = field(default_factory=dict)
    seen: dict[str, tuple[tuple[Row, ...], ...]] = field(default_factory=dict)
    places: dict[str, tuple[tuple[Places, ...], ...]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    def answer(self) -> Answer:
        """Return all of it."""
        return Answer(seen=self.seen, places=self.places, faults=self.faults, spent=self.spent)

    def took(self, part: str, begun_s: float) -> None:
        """Count one more run of the network or a branch."""
        run = Spent(runs=1, busy_s=time.perf_counter() - begun_s)
        self.spent[part] = self.spent.get(part, Spent()).plus(run)

    def read(
        self,
        name: str,
        branch: Branch | None,
        tensors: Sequence[Tensors],
        placements: Sequence[Placement],
        heads: Mapping[str, _Taught],
    ) -> None:
        """Compute a branch, and let its heads read what it gives; those of no branch read the network's tensors."""
        begun_s = time.perf_counter()
        try:
            found = tensors if branch is None else branch.run(tensors, _tensors(heads, name))
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no parent of their own
            self._fails(heads, error)
            return
        if branch is not None:
            self.took(name, begun_s)
        for head, taught in heads.items():
            try:
                seen = [taught.head.see(one, placement) for one, placement in zip(found, placements, strict=True)]
            except Exception as error:  # noqa: BLE001 - a decoder trusts no tensor, and numpy has errors of all kinds
                self._fails([head], error)
                continue
            self.seen[head] = self.seen.get(head, ()) + tuple(tuple(map(_row, picture)) for picture in seen)
            self.places[head] = self.places.get(head, ()) + tuple(_places(picture) for picture in seen)

    def _fails(self, heads: Iterable[str], error: Exception) -> None:
        for head in heads:
            self.faults[head] = _fault(error)
            self.seen.pop(head, None)  # what it said of pictures before
            self.places.pop(head, None)


def _tensors(heads: Mapping[str, _Taught], branch: str) -> set[str]:
    return {tensor for taught in heads.values() if taught.branch == branch for tensor in taught.head.tensors}


def _refuse_absent(what: str, given: Collection[str], taken: Collection[str]) -> None:
    absent = sorted(set(taken) - set(given))
    if absent:
        msg = f"{what} has outputs {sorted(given)}, and no {absent}"
        raise ValueError(msg)


def _fault(error: Exception) -> Fault:
    if isinstance(error, BadOutput):
        return Fault(code="bad_output", error=_line(error))
    if isinstance(error, MemoryError):
        return Fault(code="memory_short", error="the memory that the package declares is not enough")
    if isinstance(error, CardFails) or "CUDA failure" in str(error):
        return Fault(code="card_fails", error=_line(error))
    short = "bad_alloc" in str(error) or "Failed to allocate" in str(error)
    return Fault(code="memory_short" if short else "failed", error=_line(error))


def _row(sighting: Sighting) -> Row:
    x1, y1, x2, y2 = (float(value) for value in sighting.corners)
    return x1, y1, x2, y2, max(0.0, min(1.0, float(sighting.score))), int(sighting.label)


def _places(seen: Sequence[Sighting]) -> tuple[Places, ...]:
    masks = [(index, item.mask) for index, item in enumerate(seen) if item.mask is not None]
    return tuple((index, packed(mask)) for index, mask in masks[:MOST_AREAS])


def _shut_in(file_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    os.chdir("/")  # a path in a model leads to nothing of ours


def own_pages(pid: int | str = "self") -> tuple[int, int]:
    """Return the pages of a process: all of its address space, and those in memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - shorter than a Path on a hot path
        total, resident, *_ = file.read().split()
    return int(total), int(resident)


def _line(error: Exception) -> str:
    """Return the first line of what is wrong, without the place in onnxruntime's source that says it."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return _PLACE.sub("", line)[:300]
