"""One model of the engine: its process, the algorithms that share it, and what it costs."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.cards import card_bytes_of
from appliance.analysis.engine.declaration import HeadOf, ModelOf
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.heads import aim_at, failed, found_by, teach
from appliance.analysis.engine.host import LOAD_WITHIN_S, Host, HostLost, ModelFails
from appliance.analysis.engine.looking import Ledger, canvas_bytes, look
from appliance.analysis.engine.wire import Forget, Open
from appliance.analysis.finding import Found, Picture

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
CHECK_MEMORY_EVERY_S = 5.0
RECENT = 256

Seen = Mapping[str, Found | Dropped]
"""What each head found in one picture, or why it could not say."""


@dataclass(frozen=True, kw_only=True)
class Sighted:
    """A frame to look at, and the heads that are asked."""

    frame: Frame
    heads: frozenset[str]


@dataclass(kw_only=True)
class Cost:
    """What a model has cost so far, and each of its parts; times in seconds. `batches` are the sizes of the newest.

    `dropped` counts, by reason, what it was handed and could not look at for a reason that passes.
    """

    pictures: int = 0
    busy_s: float = 0.0
    restarts: int = 0
    memory_bytes: int = 0
    card_bytes: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    batches: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    done_at: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    parts: Ledger = field(default_factory=Ledger)


class Model:
    """A model in a process of its own that is made anew when it dies. `look` may be called by several threads."""

    def __init__(self, declared: ModelOf, device: Device) -> None:
        """Set up; `load` starts the process."""
        self.declared = declared
        self.device = device
        self.batch = 1
        self.cost = Cost()
        self.fault = ""
        self._heads: dict[str, HeadOf] = {}
        self._host: Host | None = None
        self._lock = threading.Lock()
        self._failures = 0
        self._not_before_s = 0.0
        self._checked_s = 0.0

    @property
    def name(self) -> str:
        """What it is: the digest of its file and input."""
        return self.declared.network

    @property
    def device_name(self) -> str:
        """Where it runs."""
        return self.device.name

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

    def load(self) -> None:
        """Start the process and try the model on a grey picture; raise ModelFails or HostLost."""
        with self._lock:
            self._start()

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
        """End the process."""
        with self._lock:
            host, self._host = self._host, None
        if host is not None:
            host.end()

    def look(self, batch: Sequence[Sighted]) -> list[Seen | Dropped]:
        """Return what was seen in each frame, or why it was not looked at."""
        results: dict[int, Seen | Dropped] = {}
        pictures: dict[int, Picture] = {}
        for index, item in enumerate(batch):
            try:
                pictures[index] = item.frame.picture()
            except CannotDecode as error:
                results[index] = Dropped(reason="unreadable", detail=str(error))
        asked = [batch[index] for index in pictures]
        results |= dict(zip(pictures, self._looked(asked, list(pictures.values())), strict=True))
        return [results[index] for index in range(len(batch))]

    def _looked(self, asked: Sequence[Sighted], pictures: Sequence[Picture]) -> Sequence[Seen | Dropped]:
        if not asked:
            return []
        begun_s, host = time.monotonic(), None
        try:
            host = self._running()
            seen = self._seen_by_all(host, asked, pictures)
        except (HostLost, IndexError) as error:
            if host is not None:
                self._lost(host, str(error))
            return [Dropped(reason="failed", detail=f"model_crashed: {error}")] * len(asked)
        except ModelFails as error:
            return [failed(error)] * len(asked)
        self._succeeded(len(asked), begun_s, host)
        return seen

    def _seen_by_all(self, host: Host, batch: Sequence[Sighted], pictures: Sequence[Picture]) -> list[Seen]:
        try:
            return self._seen(host, batch, pictures)
        except ModelFails as error:
            if error.code != "gone":
                raise
            return self._seen(host, batch, pictures)  # without the head that was let go meanwhile

    def _seen(self, host: Host, batch: Sequence[Sighted], pictures: Sequence[Picture]) -> list[Seen]:
        known = self.heads  # one that is let go meanwhile is answered no more
        wanted = frozenset[str]().union(*(item.heads for item in batch)) & known.keys()
        if not wanted:
            return [{} for _ in batch]
        found = look(host, aim_at(self.declared, [known[name] for name in sorted(wanted)]), pictures, self.cost.parts)
        return [
            {
                name: found_by(host, known[name], picture, found[name], index, ledger=self.cost.parts)
                for name in item.heads & wanted
            }
            for index, (item, picture) in enumerate(zip(batch, pictures, strict=True))
        ]

    def _running(self) -> Host:
        with self._lock:
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
        entry = self.declared.input
        slot_bytes = canvas_bytes(entry) * self.device.batch
        host = Host(self.device, memory_bytes=self.memory_bytes, slot_bytes=slot_bytes)
        opened = Open(network=self.declared.network, input=self.declared.input)
        try:
            if self.device.kind != "cpu":
                host.prepare()
            self.batch = host.ask(opened, model=self.declared.content(), within_s=LOAD_WITHIN_S).batch
            for head in self._heads.values():
                self._teach(host, head)
        except (HostLost, ModelFails) as error:
            self._note_loss(host, str(error))
            raise
        self._host = host
        self._measure(host)
        return host

    def _teach(self, host: Host, head: HeadOf) -> None:
        heads = {**self._heads, head.id: head}.values()
        host.allowed_bytes = max(host.allowed_bytes, self.declared.memory_bytes + sum(it.memory_bytes for it in heads))
        teach(host, self.declared, head)
        self._measure(host)

    def _succeeded(self, pictures: int, begun_s: float, host: Host) -> None:
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

    def _check_memory(self, host: Host) -> None:
        """End a process that has outgrown what its package declares: the next frame makes a new one."""
        self._measure(host)
        if self.cost.memory_bytes > host.allowed_bytes:
            self._lost(host, f"it takes {self.cost.memory_bytes >> 20} MB, declared are {host.allowed_bytes >> 20}")

    def _measure(self, host: Host) -> None:
        self.cost.memory_bytes = host.memory_bytes()
        self.cost.card_bytes = 0 if self.device.kind == "cpu" else card_bytes_of(host.pid)

    def _lost(self, host: Host, text: str) -> None:
        with self._lock:
            if self._host is host:  # several threads may have waited for the same process
                self._note_loss(host, text)

    def _note_loss(self, host: Host, text: str) -> None:
        host.end()
        self._host = None
        self._failures += 1
        self.cost.restarts += 1
        self.fault = f"model_crashed: {text}"
        self._not_before_s = time.monotonic() + min(LONGEST_PAUSE_S, 2.0 ** min(self._failures - 1, 10))
        log.warning("model %s: %s", self.declared.network[:12], text)
