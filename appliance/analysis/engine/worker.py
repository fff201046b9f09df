"""The process of a model: made anew when it dies, exchanged for another beside it, and what it takes is watched."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from appliance.analysis.engine.cards import card_bytes_of
from appliance.analysis.engine.cost import Cost
from appliance.analysis.engine.declaration import HeadOf, ModelOf
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.heads import teach
from appliance.analysis.engine.host import LOAD_WITHIN_S, LOOK_WITHIN_S, Host, HostLost, Hosts, ModelFails
from appliance.analysis.engine.looking import canvas_bytes
from appliance.analysis.engine.wire import Answer, Forget, Open

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
CHECK_MEMORY_EVERY_S = 5.0

STRANDED_AFTER = 2
"""So many failures in a row say that it is the device that fails."""

Refusal = Callable[[Host, Host], str]
"""Why the second process may not take the place of the first; empty: it may."""


class Worker:
    """A model's process with the heads that it knows. All methods block and are thread-safe."""

    def __init__(self, declared: ModelOf, device: Device, hosts: Hosts = Host) -> None:
        """Set up; `load` starts the process."""
        self.declared = declared
        self.device = device
        self.batch = 1
        self.cost = Cost()
        self.fault = ""
        self._hosts = hosts
        self._heads: dict[str, HeadOf] = {}
        self._host: Host | None = None
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._inside: Counter[Host] = Counter()
        self._doors = threading.Lock()  # another one than that which is held while a model loads
        self._opening: set[Host] = set()
        self._ended = False
        self._plan = ""
        self._failures = 0
        self._not_before_s = 0.0
        self._checked_s = 0.0

    @property
    def memory_bytes(self) -> int:
        """What the model may take with its heads: what their packages declare."""
        return self.declared.memory_bytes + sum(head.memory_bytes for head in self.heads.values())

    @property
    def heads(self) -> Mapping[str, HeadOf]:
        """The heads that it answers."""
        return dict(self._heads)

    @property
    def pid(self) -> int:
        """Its process, 0 while there is none."""
        host = self._host
        return 0 if host is None else host.pid

    @property
    def stranded(self) -> bool:
        """Whether it fails again and again where it is."""
        return self._failures >= STRANDED_AFTER

    def load(self) -> None:
        """Start the process and try the model on a grey picture; raise ModelFails or HostLost."""
        with self._lock:
            self._start()

    def move(self, device: Device) -> None:
        """Start on another device from now on, and at once when it is next needed."""
        with self._lock:
            self.device, self._failures, self._not_before_s = device, 0, 0.0
            host, self._host = self._host, None
        if host is not None:
            host.end()

    def teach(self, head: HeadOf) -> None:
        """Let one more algorithm share the model, and try it while the others go on; raise ModelFails or HostLost."""
        with self._lock:
            host = self._host or self._start()
        try:
            self._teach(host, head)
        except ModelFails:
            if head.id not in self._heads:
                host.ask(Forget(head=head.id))
            raise
        with self._lock:
            self._heads[head.id] = head
            if self._host is not None and self._host is not host:  # another process has taken its place meanwhile
                self._teach(self._host, head)

    def forget(self, head: str) -> None:
        """Let an algorithm go that shared the model, with what only it needed in the process."""
        gone = self._heads.pop(head, None)
        if gone is not None and gone.branch is not None:
            self.cost.parts.forget(gone.branch.network)
        host = self._host
        if host is not None:
            with suppress(HostLost, ModelFails):
                host.ask(Forget(head=head))

    def end(self) -> None:
        """End the process for good, also while the model is still loading: who waits for that gets HostLost."""
        with self._doors:
            self._ended = True
            for opening in self._opening:
                opening.end()
        with self._lock:
            host, self._host = self._host, None
        if host is not None:
            host.end()

    @contextmanager
    def host(self) -> Iterator[Host]:
        """Give the process, which stays until the block is left; raise HostLost while there is none."""
        with self._lock:
            host = self._running()
            self._inside[host] += 1
        try:
            yield host
        except HostLost as error:
            self.lost(host, str(error))
            raise
        finally:
            with self._left:
                self._inside[host] -= 1
                self._inside += Counter()  # keeps those alone that somebody is in
                self._left.notify_all()

    def exchange(self, plan: str, refusal: Refusal) -> str:
        """Have a process beside take over that computes by a plan of TensorRT; return why it may not, or nothing.

        What the former process has in hand is finished by it: no picture is lost. Raises ModelFails or HostLost.
        """
        with self._lock:
            former = self._running()
        beside, opened = self._opened(plan)
        try:
            refused = refusal(former, beside)
            with self._lock:
                if refused or self._host is not former:
                    beside.end()
                    return refused or "its process was started anew meanwhile"
                for head in self._heads.values():  # once more: others may have come
                    self._teach(beside, head)
                self._host, self._plan, self.cost.provider = beside, plan, opened.provider
        except (HostLost, ModelFails):
            beside.end()
            raise
        self._retire(former)
        self._measure(beside)
        return ""

    def lost(self, host: Host, text: str) -> None:
        """Note that a process is lost, or has to end: the next frame makes a new one."""
        with self._lock:
            if self._host is host:  # several threads may have waited for the same process
                self._note_loss(host, text)

    def succeeded(self, pictures: int, begun_s: float, host: Host) -> None:
        """Count pictures that were seen, and now and then what the process takes."""
        now_s = time.monotonic()
        with self._lock:
            self.fault, self._failures = "", 0
            self.cost.pictures += pictures
            self.cost.busy_s += now_s - begun_s
            self.cost.batches.append(pictures)
            self.cost.done_at.append(now_s)
            due = now_s - self._checked_s >= CHECK_MEMORY_EVERY_S
            self._checked_s = now_s if due else self._checked_s
        if due:
            self._check_memory(host)

    def _running(self) -> Host:
        host = self._host
        if host is not None and host.alive:
            return host
        if host is not None:
            self._note_loss(host, "its process ended")
        left_s = self._not_before_s - time.monotonic()
        if left_s > 0:
            raise HostLost(f"{self.fault.partition(': ')[2]}; it is started again in {left_s:.0f} s")
        return self._start()

    def _start(self) -> Host:
        try:
            host, opened = self._opened("")
        except (HostLost, ModelFails) as error:
            if not self._ended:
                self._note_loss(None, str(error))
            raise
        self._host, self.batch, self.cost.provider = host, opened.batch, opened.provider
        self._measure(host)
        return host

    def _opened(self, plan: str) -> tuple[Host, Answer]:
        """Return a process that has the model open and knows its heads, by a plan of TensorRT if one is named."""
        entry = self.declared.input
        slot_bytes = canvas_bytes(entry) * self.device.batch
        host = self._hosts(self.device, memory_bytes=self.memory_bytes, slot_bytes=slot_bytes)
        opened = Open(network=self.declared.network, input=entry, plan=plan)
        with self._doors:
            self._opening.add(host)
            if self._ended:
                host.end()
        try:
            if self.device.kind != "cpu":
                host.prepare(plan)
            answer = host.ask(opened, model=self.declared.content(), within_s=LOAD_WITHIN_S)
            for head in self._heads.values():
                self._teach(host, head)
        except (HostLost, ModelFails):
            host.end()
            raise
        finally:
            with self._doors:
                self._opening.discard(host)
        return host, answer

    def _teach(self, host: Host, head: HeadOf) -> None:
        heads = {**self._heads, head.id: head}.values()
        host.allowed_bytes = max(host.allowed_bytes, self.declared.memory_bytes + sum(it.memory_bytes for it in heads))
        teach(host, self.declared, head)
        self._measure(host)

    def _retire(self, former: Host) -> None:
        with self._left:
            self._left.wait_for(lambda: not self._inside[former], timeout=LOOK_WITHIN_S)
        former.end()

    def _check_memory(self, host: Host) -> None:
        """End a process that has outgrown what its package declares."""
        self._measure(host)
        if self.cost.memory_bytes > host.allowed_bytes:
            self.lost(host, f"it takes {self.cost.memory_bytes >> 20} MB, declared are {host.allowed_bytes >> 20}")

    def _measure(self, host: Host) -> None:
        self.cost.memory_bytes = host.memory_bytes()
        self.cost.card_bytes = 0 if self.device.kind == "cpu" else card_bytes_of(host.pid)

    def _note_loss(self, host: Host | None, text: str) -> None:
        if host is not None:
            host.end()
        if self._plan:
            self._plan, self.cost.plain = "", f"tensorrt_failed: {text}"
            self.cost.gave_up += 1
        self._host = None
        self._failures += 1
        self.cost.restarts += 1
        self.fault = f"model_crashed: {text}"
        self._not_before_s = time.monotonic() + min(LONGEST_PAUSE_S, 2.0 ** min(self._failures - 1, 10))
        log.warning("model %s: %s", self.declared.network[:12], text)
