"""Where the cameras look that this box turns or watches (视角): told to whoever judges their pictures."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from appliance.local import View, Views
from appliance.onvif import Position
from federation.uplink.changes import Changes

NEAR = 0.006
"""Of the way from end to end: so exactly a camera finds back to a place."""

MOST_PLACES = 64


def distance(one: Position, other: Position) -> float:
    """Return the longest way of one axis between two positions."""
    return max(abs(one.pan - other.pan), abs(one.tilt - other.tilt), abs(one.zoom - other.zoom))


@dataclass(kw_only=True)
class Spots:
    """The places of one camera: presets by their tokens, and others by numbers, the first of them 0.

    `told` is where the camera itself says that its presets are, `learnt` where it came to rest when sent to one.
    """

    told: dict[str, Position] = field(default_factory=dict)
    learnt: dict[str, Position] = field(default_factory=dict)
    _places: dict[int, Position] = field(default_factory=dict)
    _next: int = 0

    def named(self, position: Position, *, sent_to: str = "") -> tuple[str, int]:
        """Return the preset at a position; else an empty name, and the number of the place, a new one if need be.

        Of two presets at one place it is that to which the camera was `sent_to`.
        """
        at_presets = {**self.learnt, **self.told}
        near = [preset for preset, where in at_presets.items() if distance(where, position) <= NEAR]
        if near:
            return sent_to if sent_to in near else near[0], 0
        return "", self._place(position)

    def _place(self, position: Position) -> int:
        for number, where in self._places.items():
            if distance(where, position) <= NEAR:
                return number
        number = self.nowhere()
        self._places[number] = position
        if len(self._places) > MOST_PLACES:
            del self._places[next(iter(self._places))]
        return number

    def nowhere(self) -> int:
        """Return the number of a new place, wherever it is."""
        self._next += 1
        return self._next - 1


@dataclass(kw_only=True)
class ViewBoard:
    """Used on one event loop. Its version begins anywhere, so that nobody takes it for that of a former run."""

    changes: Changes = field(default_factory=Changes)
    version: int = field(default_factory=lambda: secrets.randbits(48))
    _views: dict[str, View] = field(default_factory=dict)
    _names: dict[str, dict[str, str]] = field(default_factory=dict)

    def view(self, point_id: str) -> View | None:
        """Return where a camera looks; None for one that was never turned or watched."""
        return self._views.get(point_id)

    @property
    def turning(self) -> frozenset[str]:
        """The points whose cameras turn."""
        return frozenset(point_id for point_id, view in self._views.items() if view.turning)

    def turns(self, point_id: str) -> None:
        """Note that a camera is about to turn, or was seen to."""
        view = self._views.get(point_id)
        if view is None or not view.turning:
            self._put(point_id, View(since=datetime.now(UTC), turning=True))

    def rests(self, point_id: str, preset: str, place: int) -> None:
        """Note that a camera rests at a preset, or at another place."""
        view = self._views.get(point_id)
        if view is None or (view.turning, view.preset, view.place) != (False, preset, place):
            self._put(point_id, View(since=datetime.now(UTC), preset=preset, place=place))

    def has_names(self, point_id: str) -> bool:
        """Tell whether a camera was asked how it calls its presets."""
        return point_id in self._names

    def call(self, point_id: str, names: dict[str, str]) -> None:
        """Note how a camera calls its presets, by their tokens."""
        self._names[point_id] = names

    def name(self, point_id: str, preset: str) -> str:
        """Return how a camera calls a preset; empty where that is not known."""
        return self._names.get(point_id, {}).get(preset, "")

    def forget(self, point_id: str) -> None:
        """Forget a camera that is gone."""
        self._names.pop(point_id, None)
        if self._views.pop(point_id, None) is not None:
            self._changed()

    def told(self) -> Views:
        """Return where all of them look."""
        return Views(version=self.version, views=dict(self._views))

    def _put(self, point_id: str, view: View) -> None:
        self._views[point_id] = view
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        self.changes.note()
