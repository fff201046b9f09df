"""What a task judges at which view of its camera, and with which memory."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from appliance.analysis.finding import Judge
from appliance.analysis.rules import Zone
from appliance.local import View, Views
from federation.messages import Scene, Shapes

MOST_REMEMBERED = 32
"""Views of which a task remembers what it has learnt; the one that was seen longest ago gives way."""

KEPT = 16
"""Views of a camera, one after the other: a picture on its way through the engine is a few seconds old at most."""

SET_BACK = timedelta(minutes=1)
"""A picture that is older by so much than the one before tells that the clock was set back; answers overtake less."""

UNKNOWN = View(since=datetime.min.replace(tzinfo=UTC))


@dataclass(kw_only=True)
class Outlook:
    """Where cameras looked when. Used on several threads: what is known of a point is replaced as a whole."""

    _by_point: Mapping[str, tuple[View, ...]] = field(default_factory=dict)

    def adopt(self, views: Views) -> None:
        """Note where cameras look now."""
        self._by_point = {
            point_id: _followed(self._by_point.get(point_id, ()), view) for point_id, view in views.views.items()
        }

    def at(self, point_id: str, at: datetime) -> View:
        """Return where a camera looked at this moment; where the clock was set back meanwhile, where it looks now."""
        known = self._by_point.get(point_id, ())
        if known and at < known[-1].since - SET_BACK:
            return known[-1]
        return next((view for view in reversed(known) if view.since <= at), UNKNOWN)


def _followed(before: tuple[View, ...], view: View) -> tuple[View, ...]:
    return before if view in before[-1:] else (*before, view)[-KEPT:]


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """What was drawn for a task, and for its point."""

    of_task: tuple[Scene, ...] = ()
    of_point: tuple[Scene, ...] = ()

    def zone(self, preset: str) -> Zone | None:
        """Return what holds while the camera looks at `preset`, or elsewhere if it is empty; None: nothing is judged.

        Of the task's drawings and of the point's, that of the preset holds, else that for every view. Where something
        is drawn for presets and for nothing else, no other view is judged. What was drawn for the task goes before the
        regions and lines of the point; all masks hold.
        """
        holding = [_holding(scenes, preset) for scenes in (self.of_task, self.of_point)]
        found = [scene for scene in holding if scene is not None]
        return None if self.presets and not found else Zone.of(found)

    def why_not(self, view: View) -> str:
        """Return why nothing is judged at a view, as code and words; empty where it is."""
        if self.zone(view.preset) is not None:
            return ""
        if view.preset:
            return f"view_other: the camera looks at preset {view.preset}, for which nothing is drawn"
        return (
            "view_unknown: it is not known that the camera looks at a preset, and only for presets something is drawn"
        )

    @property
    def presets(self) -> frozenset[str]:
        """The presets for which something is drawn."""
        return frozenset(scene.preset for scene in (*self.of_task, *self.of_point) if scene.preset)


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is drawn for a point, and where its camera looks."""

    drawings: Drawings = Drawings()
    view: View = UNKNOWN

    @property
    def why_not(self) -> str:
        """Why nothing is judged there, as code and words; empty where it is."""
        return "view_turning: the camera turns" if self.view.turning else self.drawings.why_not(self.view)

    @property
    def drawn(self) -> Shapes:
        """What holds there."""
        zone = self.drawings.zone(self.view.preset) or Zone()
        return Shapes(regions=zone.regions, masks=zone.masks, lines=zone.lines)


NOWHERE = Place()
"""Of a picture that no camera sent."""


def _holding(scenes: Iterable[Scene], preset: str) -> Scene | None:
    by_preset = {scene.preset or "": scene for scene in scenes if not scene.is_empty}
    return by_preset.get(preset, by_preset.get(""))


@dataclass(kw_only=True)
class Judges:
    """One judge for each view, as what is learnt of one says nothing of another; `make` raises if none can be made."""

    drawings: Drawings
    make: Callable[[Zone], Judge]
    _remembered: OrderedDict[str, Judge] = field(default_factory=OrderedDict)

    def why_not(self, view: View) -> str:
        """Return why nothing is judged at a view, as code and words; empty where it is."""
        return self.drawings.why_not(view)

    def at(self, view: View) -> Judge | None:
        """Return the judge of a view; None where nothing is judged, as while the camera turns."""
        zone = self.drawings.zone(view.preset)
        if view.turning or zone is None:
            return None
        key = _key(view.preset, view.place)
        judge = self._remembered.pop(key, None) or self.make(zone)
        self._remembered[key] = judge
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return judge

    def forget(self) -> None:
        """Begin anew at every view."""
        self._remembered.clear()


def _key(preset: str, place: int) -> str:
    return f"preset {preset}" if preset else f"place {place}"
