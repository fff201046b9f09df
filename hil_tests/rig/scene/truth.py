"""Ground truth of a script: which happenings there are, and where everyone is in any picture.

It follows from the script alone, so nothing has to be rendered to know it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hil_tests.rig.scene.figures import BAG_M, box_corners, litter_pieces, smoke_puffs
from hil_tests.rig.scene.geometry import Pinhole, pinhole
from hil_tests.rig.scene.script import Actor, Happening, HappeningKind, Script
from hil_tests.rig.scene.vehicles import hull

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

Polygon = tuple[tuple[float, float], ...]
"""Corners (x, y) in shares of the picture."""

_NEAR_M = 3.0  # whoever is nearer to the camera's foot than this is below the picture


@dataclass(frozen=True, kw_only=True)
class TimedBox:
    """Where something is at `t_s` of the script: shares of the picture, 0 to 1."""

    t_s: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class TrueHappening:
    """One happening and the boxes of its actor while it lasts, one per `step`."""

    kind: HappeningKind
    actor: str
    region: str
    t_start_s: float
    t_end_s: float
    boxes: tuple[TimedBox, ...]


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """What a perfect system would report of one camera in every round of `loop_s` seconds."""

    camera: str
    name_zh: str
    name_en: str
    loop_s: float
    fps: int
    regions: Mapping[HappeningKind, Polygon]
    happenings: tuple[TrueHappening, ...]
    started_at: datetime | None = None
    """When round 0 went on air; None before that."""

    def to_json(self) -> str:
        """Return this truth as a JSON document."""
        started = None if self.started_at is None else self.started_at.isoformat()
        return json.dumps({**asdict(self), "started_at": started}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "GroundTruth":
        """Return the truth that `to_json` wrote; raise ValueError, KeyError or TypeError for anything else."""
        data: Mapping[str, Any] = json.loads(text)
        happenings = tuple(
            TrueHappening(**{**part, "boxes": tuple(TimedBox(**box) for box in part["boxes"])})
            for part in data["happenings"]
        )
        regions = {kind: tuple((x, y) for x, y in polygon) for kind, polygon in data["regions"].items()}
        started = None if data["started_at"] is None else datetime.fromisoformat(data["started_at"])
        return cls(**{**data, "regions": regions, "happenings": happenings, "started_at": started})

    @classmethod
    def read(cls, path: Path) -> "GroundTruth":
        """Return the truth in the file `path`; blocks."""
        return cls.from_json(path.read_text(encoding="utf-8"))


def ground_truth(script: Script, *, step_s: float = 0.5) -> GroundTruth:
    """Return the truth of `script`, with a box of each happening's actor every `step_s` seconds."""
    view = pinhole(script)
    return GroundTruth(
        camera=script.name,
        name_zh=script.name_zh,
        name_en=script.name_en,
        loop_s=script.loop_s,
        fps=script.fps,
        regions={region.kind: _polygon(view, region.corners_m) for region in script.regions},
        happenings=tuple(_true_happening(script, view, happening, step_s) for happening in script.happenings),
    )


def actor_boxes(script: Script, t_s: float) -> dict[str, TimedBox]:
    """Return the box of every actor that can be seen at `t_s`, by name."""
    view = pinhole(script)
    found = {actor.name: _timed_box(view, actor, t_s) for actor in script.actors}
    return {name: box for name, box in found.items() if box is not None}


def script_time_s(at: datetime, *, started_at: datetime, loop_s: float) -> tuple[int, float]:
    """Return (round, seconds of the script) of a picture sent `at`; both datetimes are aware."""
    age_s = (at - started_at).total_seconds()
    number = math.floor(age_s / loop_s)
    return number, age_s - number * loop_s


def extent_px(view: Pinhole, actor: Actor, t_s: float) -> Box | None:
    """Return the rectangle in pixels that holds `actor` at `t_s`, not cut at the picture's edge; None if away."""
    foot = actor.foot(t_s)
    if foot is None or view.depth_m(*foot) < _NEAR_M:
        return None
    match actor.kind:
        case "person":
            return _person(view, actor, foot, t_s)
        case "car" | "van":
            points = view.project(hull(actor, t_s))
        case "bag":
            points = view.project(box_corners(*foot, BAG_M))
        case "litter":
            return _around(view, [(x, y, z + s * 0.5, s * 0.62, 1.0) for x, y, z, s, _ in litter_pieces(actor, t_s)])
        case _:
            return _around(view, [puff for puff in smoke_puffs(actor, t_s) if puff[4] > 0.08])
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _person(view: Pinhole, actor: Actor, foot: tuple[float, float], t_s: float) -> Box:
    low, high = view.project([(*foot, 0.0), (*foot, actor.height_m)])
    unit = float(np.hypot(*(high - low))) / 1.7
    half = 0.3 * unit
    bag = actor.carries_bag
    reach = 0.5 * unit if bag and bag[0] <= t_s < bag[1] else half
    return float(low[0] - half), float(high[1]), float(low[0] + reach), float(low[1] + 0.04 * unit)


def _around(view: Pinhole, blobs: list[tuple[float, float, float, float, float]]) -> Box | None:
    if not blobs:
        return None
    centres = view.project([(x, y, z) for x, y, z, _, _ in blobs])
    reach = np.array([radius * view.scale(x, y) for x, y, _, radius, _ in blobs], np.float32)[:, None]
    low, high = (centres - reach).min(axis=0), (centres + reach).max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _timed_box(view: Pinhole, actor: Actor, t_s: float) -> TimedBox | None:
    extent = extent_px(view, actor, t_s)
    if extent is None:
        return None
    left, right = (min(max(value / view.width_px, 0.0), 1.0) for value in (extent[0], extent[2]))
    top, bottom = (min(max(value / view.height_px, 0.0), 1.0) for value in (extent[1], extent[3]))
    if right - left < 0.002 or bottom - top < 0.002:
        return None
    return TimedBox(
        t_s=round(t_s, 3),
        x=round(left, 4),
        y=round(top, 4),
        width=round(right - left, 4),
        height=round(bottom - top, 4),
    )


def _true_happening(script: Script, view: Pinhole, happening: Happening, step_s: float) -> TrueHappening:
    actor = script.actor(happening.actor)
    count = int((happening.t_end_s - happening.t_start_s) / step_s) + 1
    boxes = (_timed_box(view, actor, happening.t_start_s + number * step_s) for number in range(count))
    return TrueHappening(
        kind=happening.kind,
        actor=happening.actor,
        region=happening.region,
        t_start_s=happening.t_start_s,
        t_end_s=happening.t_end_s,
        boxes=tuple(box for box in boxes if box is not None),
    )


def _polygon(view: Pinhole, corners_m: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return the part of a convex polygon of the ground that is in the picture."""
    shares = view.project([(x, y, 0.0) for x, y in corners_m]) / (view.width_px, view.height_px)
    frame = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    _, clipped = cv2.intersectConvexConvex(shares.astype(np.float32), frame)
    return tuple(
        (round(min(max(float(x), 0.0), 1.0), 4), round(min(max(float(y), 0.0), 1.0), 4)) for x, y in clipped[:, 0]
    )
