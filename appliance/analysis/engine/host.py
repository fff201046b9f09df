"""The engine's end of a model's own process: it is asked, watched, ended, and made anew."""

import multiprocessing
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from appliance.analysis.engine import child
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.trial import TRIAL_INPUT, trial_model
from appliance.analysis.engine.wire import ANSWER_LIMIT_BYTES, Answer, Message, Open
from appliance.analysis.finding import Picture

LOOK_WITHIN_S = 30.0
LOAD_WITHIN_S = 180.0
END_WITHIN_S = 2.0
LEAST_SLOT_BYTES = 4 << 20
"""One picture of 1,182 x 1,182; only what is used of it takes memory."""


class HostLost(Exception):
    """The process of a model has ended, or did not answer in time and was ended; the text says which."""


class ModelFails(Exception):
    """The model's process answered that it cannot do what was asked; `code` says why."""

    def __init__(self, code: str, text: str) -> None:
        """Keep the stable code beside the words."""
        super().__init__(text)
        self.code = code


class Host:
    """A process with as many connections as may ask at once. All methods block and are thread-safe.

    Beside each connection lies memory that both processes see: pictures are put there and not sent.
    """

    def __init__(
        self, device: Device, *, memory_bytes: int, slot_bytes: int, file_bytes: int = child.FILE_BYTES
    ) -> None:
        """Start the process; `slot_bytes` is what the pictures of one call may take, `file_bytes` what a file may."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([child.__name__])
        self.slot_bytes = max(slot_bytes, LEAST_SLOT_BYTES)
        self.allowed_bytes = memory_bytes
        self._base_bytes = 0
        pairs = [context.Pipe() for _ in range(device.workers)]
        slots = [context.RawArray("B", self.slot_bytes) for _ in pairs]
        theirs = [(pair[1], slot) for pair, slot in zip(pairs, slots, strict=True)]
        given = (theirs, device, memory_bytes, file_bytes)
        self._process = context.Process(target=child.serve, args=given, daemon=True)
        self._process.start()
        self._free: queue.SimpleQueue[tuple[Connection, NDArray[np.uint8]]] = queue.SimpleQueue()
        for (own, other), slot in zip(pairs, slots, strict=True):
            other.close()
            self._free.put((own, np.frombuffer(slot, np.uint8)))
        self._ending = threading.Lock()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        with self._ending:
            return self._process.is_alive()

    def ask(
        self,
        message: Message,
        *,
        model: bytes = b"",
        canvases: Sequence[Picture] = (),
        within_s: float = LOOK_WITHIN_S,
    ) -> Answer:
        """Return the answer; `model` goes with Open and Teach, `canvases` with Look.

        Raises ModelFails for an answer that says no, HostLost if none comes in time.
        """
        connection, slot = self._free.get()
        try:
            _put(slot, canvases)
            connection.send_bytes(message.model_dump_json().encode())
            if model:
                connection.send_bytes(model)
            if not connection.poll(within_s):
                self.end()
                raise HostLost(f"no answer within {within_s:g} s")
            answer = Answer.model_validate_json(connection.recv_bytes(ANSWER_LIMIT_BYTES))
        except (EOFError, OSError, ValidationError) as error:
            self.end()
            raise HostLost(f"the process of the model ended ({self._ended_with()})") from error
        finally:
            self._free.put((connection, slot))
        if answer.fault is not None:
            raise ModelFails(answer.fault.code, answer.fault.error)
        return answer

    def prepare(self, plan: str = "") -> Answer:
        """Run a model that sees nothing, by TensorRT if a folder for its plan is named; raise ModelFails or HostLost.

        What a card's libraries take in every process is taken now, and not counted as the model's.
        """
        opened = Open(network="trial", input=TRIAL_INPUT, plan=plan)
        answer = self.ask(opened, model=trial_model(), within_s=LOAD_WITHIN_S)
        self._base_bytes = self._taken_bytes()
        return answer

    def memory_bytes(self) -> int:
        """Return what the model takes of the memory; 0 if its process has ended."""
        return max(0, self._taken_bytes() - self._base_bytes)

    def _taken_bytes(self) -> int:
        """Return what the process takes, its share of what it has in common with others."""
        with suppress(OSError, ValueError, IndexError):
            rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
            return int(rollup.split("Pss:", 1)[1].split()[0]) << 10
        return 0

    def end(self) -> None:
        """End the process; waits until it has."""
        with self._ending:
            self._process.kill()
            self._process.join(END_WITHIN_S)

    def _ended_with(self) -> str:
        code = self._process.exitcode
        return "killed" if code is None else f"signal {-code}" if code < 0 else f"code {code}"


class Hosts(Protocol):
    """Starts processes on a device."""

    def __call__(self, device: Device, *, memory_bytes: int, slot_bytes: int) -> Host:
        """Return a process; raises HostLost or ModelFails where the device has none."""


def _put(slot: NDArray[np.uint8], canvases: Sequence[Picture]) -> None:
    end = 0
    for canvas in canvases:
        begin, end = end, end + canvas.size
        slot[begin:end] = canvas.reshape(-1)
