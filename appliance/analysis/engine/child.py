"""The process of one model: it computes, within its limits, and knows nothing else.

It is forked from a server that has loaded the libraries already, so that one more costs its model and little besides.
"""

import contextlib
import math
import os
import resource
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders import BadOutput
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.engine.wire import ASK, Answer, Look, Open, Places, Row, Teach, packed
from appliance.analysis.sightings import MOST_AREAS, Sighting
from federation.packages.manifest import ModelInput

SPARE_BYTES = 512 << 20
"""Address space that threads and allocators reserve and do not use."""

_FILE_BYTES = 1 << 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def serve(ends: Sequence[tuple[Connection, Any]], device: Device, memory_bytes: int) -> None:
    """Answer on every connection, each on a thread of its own with its slot for pictures, until they are closed."""
    _limit(device, memory_bytes)
    cv2.setNumThreads(1)
    own = Networks(device)
    threads = [threading.Thread(target=own.answer_all, args=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Networks:
    """The models of this process, and the heads over them, by name."""

    def __init__(self, device: Device) -> None:
        """Start with none."""
        self._device = device
        self._networks: dict[str, tuple[ModelInput, Network]] = {}
        self._heads: dict[str, Head] = {}

    def answer_all(self, connection: Connection, slot: Any) -> None:
        """Answer until the other end is closed."""
        pictures = np.frombuffer(slot, np.uint8)
        with contextlib.suppress(EOFError, OSError):
            while True:
                asked = ASK.validate_json(connection.recv_bytes())
                model = connection.recv_bytes() if isinstance(asked, Open) else b""
                connection.send_bytes(self._answer(asked, model, pictures).model_dump_json().encode())

    def _answer(self, asked: Open | Teach | Look, model: bytes, pictures: NDArray[np.uint8]) -> Answer:
        try:
            match asked:
                case Open():
                    return self._open(asked, model)
                case Teach():
                    return self._teach(asked)
                case Look():
                    return self._look(asked, pictures)
        except BadOutput as error:
            return Answer(code="bad_output", error=_line(error))
        except MemoryError:
            return Answer(code="memory_short", error="the memory that the package declares is not enough")
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no parent of their own
            short = "bad_alloc" in str(error) or "Failed to allocate" in str(error)
            return Answer(code="memory_short" if short else "failed", error=_line(error))

    def _open(self, asked: Open, model: bytes) -> Answer:
        network = Network(asked.input, model, self._device)
        self._networks[asked.network] = (asked.input, network)
        return Answer(batch=network.batch)

    def _teach(self, asked: Teach) -> Answer:
        declared, network = self._networks[asked.network]
        head = Head(asked.output, asked.labels, declared.size)
        absent = sorted(set(head.tensors) - network.outputs)
        if absent:
            return Answer(code="failed", error=f"the model has outputs {sorted(network.outputs)}, and no {absent}")
        self._heads[asked.head] = head
        return Answer(batch=network.batch)

    def _look(self, asked: Look, pictures: NDArray[np.uint8]) -> Answer:
        declared, network = self._networks[asked.network]
        width, height = declared.size
        shape = (len(asked.placements), height, width, 3)
        canvases = pictures[: math.prod(shape)].reshape(shape)
        heads = {name: self._heads[name] for name in asked.heads}
        wanted = {tensor for head in heads.values() for tensor in head.tensors}
        tensors = network.run(list(canvases), wanted)
        pairs = list(zip(tensors, asked.placements, strict=True))
        seen = {name: [head.see(found, placement) for found, placement in pairs] for name, head in heads.items()}
        return Answer(
            seen={name: tuple(tuple(map(_row, picture)) for picture in found) for name, found in seen.items()},
            places={name: tuple(_places(picture) for picture in found) for name, found in seen.items()},
        )


def _row(sighting: Sighting) -> Row:
    x1, y1, x2, y2 = (float(value) for value in sighting.corners)
    return x1, y1, x2, y2, max(0.0, min(1.0, float(sighting.score))), int(sighting.label)


def _places(seen: Sequence[Sighting]) -> tuple[Places, ...]:
    masks = [(index, item.mask) for index, item in enumerate(seen) if item.mask is not None]
    return tuple((index, packed(mask)) for index, mask in masks[:MOST_AREAS])


def _limit(device: Device, memory_bytes: int) -> None:
    """Hold this process to its memory; a card maps far more address space than it uses, so there it is only watched."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    os.chdir("/")  # a path in a model leads to nothing of ours
    if device.kind == "cpu":
        most = own_pages()[0] * _PAGE_BYTES + memory_bytes + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def own_pages(pid: int | str = "self") -> tuple[int, int]:
    """Return the pages of a process: all of its address space, and those in memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - shorter than a Path on a hot path
        total, resident, *_ = file.read().split()
    return int(total), int(resident)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
