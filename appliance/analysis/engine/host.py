"""The engine's end of a model's own process: it is asked, watched, ended, and made anew."""

import multiprocessing
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import BaseModel, ValidationError

from appliance.analysis.engine import child
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.wire import ANSWER_LIMIT_BYTES, Answer

LOOK_WITHIN_S = 30.0
LOAD_WITHIN_S = 180.0
END_WITHIN_S = 2.0


class HostLost(Exception):
    """The process of a model has ended, or did not answer in time and was ended; the text says which."""


class ModelFails(Exception):
    """The model's process answered that it cannot do what was asked; `code` says why."""

    def __init__(self, code: str, text: str) -> None:
        """Keep the stable code beside the words."""
        super().__init__(text)
        self.code = code


class Host:
    """A process with as many connections as may ask at once. All methods block; `ask` is thread-safe."""

    def __init__(self, device: Device, memory_bytes: int) -> None:
        """Start the process."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([child.__name__])
        pairs = [context.Pipe() for _ in range(device.workers)]
        theirs = [pair[1] for pair in pairs]
        self._process = context.Process(target=child.serve, args=(theirs, device, memory_bytes), daemon=True)
        self._process.start()
        for connection in theirs:
            connection.close()
        self._free: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        for own, _ in pairs:
            self._free.put(own)
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

    def ask(self, message: BaseModel, blobs: Sequence[bytes] = (), *, within_s: float = LOOK_WITHIN_S) -> Answer:
        """Return the answer; raise ModelFails for one that says no, HostLost if none comes in time."""
        connection = self._free.get()
        try:
            connection.send_bytes(message.model_dump_json().encode())
            for blob in blobs:
                connection.send_bytes(blob)
            if not connection.poll(within_s):
                self.end()
                raise HostLost(f"no answer within {within_s:g} s")
            answer = Answer.model_validate_json(connection.recv_bytes(ANSWER_LIMIT_BYTES))
        except (EOFError, OSError, ValidationError) as error:
            self.end()
            raise HostLost(f"the process of the model ended ({self._ended_with()})") from error
        finally:
            self._free.put(connection)
        if answer.code:
            raise ModelFails(answer.code, answer.error)
        return answer

    def memory_bytes(self) -> int:
        """Return what the process takes of the memory, its share of what it has in common with others; 0 if ended."""
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
