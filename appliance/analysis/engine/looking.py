"""One look through a model's process: pictures are put before it, and what it says is checked and counted."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from appliance.analysis.engine.host import LOOK_WITHIN_S, Host, HostLost, ModelFails
from appliance.analysis.engine.wire import Answer, Look, Places, Row, Spent
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import placed
from appliance.analysis.sightings import Sighting, detection
from federation.messages import Detection
from federation.packages.manifest import ModelInput

Said = list[tuple[tuple[Row, ...], tuple[Places, ...]]]
"""What a head saw in each picture, and where."""


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A network, its input, and the heads that are asked, each with the name of its branch if it has one."""

    network: str
    input: ModelInput
    heads: Mapping[str, str]


class Ledger:
    """How often every network and branch was computed, and for how long. Thread-safe."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._spent: dict[str, Spent] = {}
        self._lock = threading.Lock()

    def add(self, part: str, spent: Spent) -> None:
        """Count one more time."""
        with self._lock:
            self._spent[part] = self._spent.get(part, Spent()).plus(spent)

    def forget(self, part: str) -> None:
        """Count a part no more."""
        with self._lock:
            self._spent.pop(part, None)

    def of(self, part: str) -> Spent:
        """Return what one part has taken so far."""
        return self._spent.get(part, Spent())


def look(
    host: Host, aim: Aim, pictures: Sequence[Picture], ledger: Ledger, *, within_s: float = LOOK_WITHIN_S
) -> Mapping[str, Said | ModelFails]:
    """Return for every head what it saw in each picture, or why it could not say.

    Raises ModelFails if nothing could be computed, HostLost if the process is lost.
    """
    seen: dict[str, Said | ModelFails] = {head: [] for head in aim.heads}
    at_once = host.slot_bytes // canvas_bytes(aim.input)
    if not at_once:
        raise ModelFails("failed", f"an input of {aim.input.size} is larger than one of a second model may be")
    for first in range(0, len(pictures), at_once):
        pairs = [placed(picture, aim.input) for picture in pictures[first : first + at_once]]
        asked = Look(network=aim.network, heads=tuple(aim.heads), placements=tuple(placement for _, placement in pairs))
        answer = host.ask(asked, canvases=[canvas for canvas, _ in pairs], within_s=within_s)
        _refuse_other(answer, aim, len(pairs))
        for name in {aim.network, *aim.heads.values()} & answer.spent.keys():
            ledger.add(name, answer.spent[name])
        for name, fault in answer.faults.items():
            seen[name] = ModelFails(fault.code, fault.error)
        for name, said in seen.items():
            if isinstance(said, list):
                said.extend(zip(answer.seen[name], answer.places[name], strict=True))
    return seen


def _refuse_other(answer: Answer, aim: Aim, pictures: int) -> None:
    for said in (answer.seen, answer.places):
        odd = set(said) & set(answer.faults) or set(said) | set(answer.faults) != set(aim.heads)
        if odd or any(len(rows) != pictures for rows in said.values()):
            raise HostLost("it answered something else than it was asked")


def canvas_bytes(entry: ModelInput) -> int:
    """Return what a picture takes at the size of a model's input."""
    width, height = entry.size
    return width * height * 3


def grey(entry: ModelInput) -> Picture:
    """Return a picture of nothing."""
    width, height = entry.size
    return np.full((height, width, 3), 128, np.uint8)


def detection_of(row: Row, labels: tuple[str, ...]) -> Detection:
    """Return what a row says; raise IndexError for a label that is not there."""
    return detection(Sighting(np.array(row[:4], np.float32), row[4], row[5]), labels)
