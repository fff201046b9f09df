"""What a picture shows, known because we drew it: a box and a label for each thing, and whether it counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil_tests.rig.scene.rendering import Stage
from hil_tests.rig.scene.script import Actor, ActorKind
from hil_tests.rig.scene.truth import extent_px

Boxes = NDArray[np.float32]
"""Rows of x1, y1, x2, y2 in px, the number of the label, and 1 where the thing need not be found, else 0."""

LABELS = ("person", "car", "van", "luggage", "smoke", "garbage_near_bin")

_LABEL_OF: dict[ActorKind, int] = {"person": 0, "car": 1, "van": 2, "bag": 3, "smoke": 4, "litter": 5}
_LEAST_SEEN = 0.45  # share of a box that nothing nearer hides and that is in the picture
LEAST_HEIGHT = 8 / 234
"""Of a box, as a share of the picture's height: what is lower need not be found."""


@dataclass(frozen=True)
class _Shown:
    actor: Actor
    box: tuple[float, float, float, float]
    depth_m: float


def boxes_of(stage: Stage, t_s: float) -> Boxes:
    """Return the truth of the picture at `t_s`: what is hidden, cut off or tiny need not be found."""
    shown = sorted(_shown(stage, t_s), key=lambda item: item.depth_m)
    rows = [_row(stage, item, shown[:index]) for index, item in enumerate(shown)]
    return np.array([row for row in rows if row is not None], np.float32).reshape(-1, 6)


def _shown(stage: Stage, t_s: float) -> list[_Shown]:
    found = []
    for actor in stage.script.actors:
        foot = actor.foot(t_s)
        box = None if foot is None else extent_px(stage.view, actor, t_s)
        if foot is not None and box is not None:
            found.append(_Shown(actor, box, stage.view.depth_m(*foot)))
    return found


def _row(stage: Stage, item: _Shown, nearer: Sequence[_Shown]) -> tuple[float, ...] | None:
    width, height = stage.script.width_px, stage.script.height_px
    left, top, right, bottom = item.box
    inside = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    across, down = inside[2] - inside[0], inside[3] - inside[1]
    if across < 1 or down < 1:
        return None
    in_picture = across * down / ((right - left) * (bottom - top))
    seen = in_picture * (1 - _hidden_share(stage, item, inside, nearer))
    need_not = seen < _LEAST_SEEN or down < LEAST_HEIGHT * height
    return *inside, float(_LABEL_OF[item.actor.kind]), float(need_not)


def _hidden_share(
    stage: Stage, item: _Shown, inside: tuple[float, float, float, float], nearer: Sequence[_Shown]
) -> float:
    left, top, right, bottom = (round(value) for value in inside)
    hidden = np.zeros((max(bottom - top, 1), max(right - left, 1)), bool)
    for other in nearer:
        if other.actor.kind != "smoke":
            x1, y1, x2, y2 = other.box
            hidden[_span(y1 - top, y2 - top), _span(x1 - left, x2 - left)] = True
    for cover in stage.covers:
        if cover.depth_m < item.depth_m:
            _hide(hidden, cover.mask, cover.rect[0] - left, cover.rect[1] - top)
    return float(hidden.mean())


def _hide(hidden: NDArray[np.bool_], mask: NDArray[np.uint8], left: int, top: int) -> None:
    height, width = hidden.shape
    rows = slice(max(top, 0), min(top + mask.shape[0], height))
    columns = slice(max(left, 0), min(left + mask.shape[1], width))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        hidden[rows, columns] |= part > 0


def _span(start: float, end: float) -> slice:
    return slice(max(round(start), 0), max(round(end), 0))
