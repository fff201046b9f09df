"""One model of the engine: its process, the algorithms that share it, and what it costs."""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.declaration import HeadOf, ModelOf
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.host import LOAD_WITHIN_S, Host, HostLost, ModelFails
from appliance.analysis.engine.wire import Look, Open, Places, Row, Teach, unpacked
from appliance.analysis.finding import Area, Found, Picture
from appliance.analysis.preprocessing import placed
from appliance.analysis.sightings import Sighting, detection
from federation.messages import Box, Detection
from federation.packages.manifest import ModelInput

log = logging.getLogger(__name__)

LONGEST_PAUSE_S = 60.0
CHECK_MEMORY_EVERY_S = 5.0
RECENT = 256

Seen = Mapping[str, Found]
"""What each head found in one picture."""


@dataclass(frozen=True, kw_only=True)
class Sighted:
    """A frame to look at, and the heads that are asked."""

    frame: Frame
    heads: frozenset[str]


@dataclass(kw_only=True)
class Cost:
    """What a model has cost so far; times in seconds. `batches` are the sizes of the newest."""

    pictures: int = 0
    busy_s: float = 0.0
    restarts: int = 0
    memory_bytes: int = 0
    batches: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    done_at: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))


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
    def memory_bytes(self) -> int:
        """What the model may take: what its package declares."""
        return self.declared.memory_bytes

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
        """Let one more algorithm share the model, and try it; raise ModelFails or HostLost."""
        with self._lock:
            host = self._host or self._start()
            self._teach(host, head)
            self._heads[head.id] = head

    def forget(self, head: str) -> None:
        """Let an algorithm go that shared the model."""
        self._heads.pop(head, None)

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
            seen = self._seen(host, asked, pictures)
        except (HostLost, IndexError) as error:
            if host is not None:
                self._lost(host, str(error))
            return [Dropped(reason="failed", detail=f"model_crashed: {error}")] * len(asked)
        except ModelFails as error:
            code = "package_unusable" if error.code == "bad_output" else f"model_{error.code}"
            return [Dropped(reason="failed", detail=f"{code}: {error}")] * len(asked)
        self._succeeded(len(asked), begun_s, host)
        return seen

    def _seen(self, host: Host, batch: Sequence[Sighted], pictures: Sequence[Picture]) -> list[Seen]:
        known = dict(self._heads)  # one that is let go meanwhile is answered no more
        wanted = frozenset[str]().union(*(item.heads for item in batch)) & known.keys()
        if not wanted:
            return [{} for _ in batch]
        found = _ask(host, self.declared.network, self.declared.input, sorted(wanted), pictures)
        return [
            {name: self._with_stages(host, known[name], picture, *found[name][index]) for name in item.heads & wanted}
            for index, (item, picture) in enumerate(zip(batch, pictures, strict=True))
        ]

    def _with_stages(
        self, host: Host, head: HeadOf, picture: Picture, rows: Sequence[Row], places: Sequence[Places]
    ) -> Found:
        """Return what a head found; what a second model says of a thing is where that thing is."""
        first = [_detection(row, head.labels) for row in rows]
        masks = {index: unpacked(bits) for index, bits in places if index < len(first)}
        things = list(enumerate(first))
        for stage in head.stages:
            chosen = [(index, item) for index, item in enumerate(first) if item.label in stage.on][: stage.most]
            crops = [_crop(picture, item.box, stage.margin) for _, item in chosen]
            if crops:
                found = _ask(host, stage.network, stage.input, [stage.head], crops)[stage.head]
                things += [
                    (
                        index,
                        Detection(label=stage.labels[row[5]], score=min(round(row[4], 4), item.score), box=item.box),
                    )
                    for (index, item), (said, _) in zip(chosen, found, strict=True)
                    for row in said
                ]
        return Found(
            detections=tuple(item for _, item in things),
            areas=tuple(
                Area(label=item.label, score=item.score, mask=masks[index]) for index, item in things if index in masks
            ),
        )

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
            self.batch = host.ask(opened, model=self.declared.content(), within_s=LOAD_WITHIN_S).batch
            for head in self._heads.values():
                self._teach(host, head)
        except (HostLost, ModelFails) as error:
            self._note_loss(host, str(error))
            raise
        self._host = host
        self.cost.memory_bytes = host.memory_bytes()
        return host

    def _teach(self, host: Host, head: HeadOf) -> None:
        network, entry = self.declared.network, self.declared.input
        host.ask(Teach(network=network, head=head.id, output=head.output, labels=head.labels))
        _ask(host, network, entry, [head.id], [_grey(entry)], within_s=LOAD_WITHIN_S)
        for stage in head.stages:
            opened = Open(network=stage.network, input=stage.input)
            host.ask(opened, model=stage.content(), within_s=LOAD_WITHIN_S)
            host.ask(Teach(network=stage.network, head=stage.head, output=stage.output, labels=stage.labels))
            _ask(host, stage.network, stage.input, [stage.head], [_grey(stage.input)], within_s=LOAD_WITHIN_S)
        self.cost.memory_bytes = host.memory_bytes()

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
        self.cost.memory_bytes = host.memory_bytes()
        if self.cost.memory_bytes > self.memory_bytes:
            self._lost(host, f"it takes {self.cost.memory_bytes >> 20} MB, declared are {self.memory_bytes >> 20}")

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


def _ask(
    host: Host,
    network: str,
    entry: ModelInput,
    heads: Sequence[str],
    pictures: Sequence[Picture],
    *,
    within_s: float = 30.0,
) -> Mapping[str, list[tuple[tuple[Row, ...], tuple[Places, ...]]]]:
    """Return for every head what it saw in each picture, and where; raise ModelFails or HostLost."""
    seen: dict[str, list[tuple[tuple[Row, ...], tuple[Places, ...]]]] = {head: [] for head in heads}
    at_once = host.slot_bytes // canvas_bytes(entry)
    if not at_once:
        raise ModelFails("failed", f"an input of {entry.size} is larger than one of a second model may be")
    for first in range(0, len(pictures), at_once):
        pairs = [placed(picture, entry) for picture in pictures[first : first + at_once]]
        look = Look(network=network, heads=tuple(heads), placements=tuple(placement for _, placement in pairs))
        found = host.ask(look, canvases=[canvas for canvas, _ in pairs], within_s=within_s)
        for said in (found.seen, found.places):
            if set(said) != set(heads) or any(len(rows) != len(pairs) for rows in said.values()):
                raise HostLost("it answered something else than it was asked")
        for name in heads:
            seen[name] += zip(found.seen[name], found.places[name], strict=True)
    return seen


def canvas_bytes(entry: ModelInput) -> int:
    """Return what a picture takes at the size of a model's input."""
    width, height = entry.size
    return width * height * 3


def _grey(entry: ModelInput) -> Picture:
    width, height = entry.size
    return np.full((height, width, 3), 128, np.uint8)


def _detection(row: Row, labels: tuple[str, ...]) -> Detection:
    return detection(Sighting(np.array(row[:4], np.float32), row[4], row[5]), labels)


def _crop(picture: Picture, box: Box, margin: float) -> Picture:
    """Return the part of the picture in a box with a share of its sides added around, at least a pixel."""
    height, width = picture.shape[:2]
    more_x, more_y = box.width * margin, box.height * margin
    left, top = int(max(0.0, box.x - more_x) * width), int(max(0.0, box.y - more_y) * height)
    left, top = min(left, width - 1), min(top, height - 1)
    right = max(left + 1, round(min(1.0, box.x + box.width + more_x) * width))
    bottom = max(top + 1, round(min(1.0, box.y + box.height + more_y) * height))
    return picture[top:bottom, left:right]
