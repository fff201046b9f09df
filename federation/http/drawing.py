"""What people draw on pictures, as requests bring it."""

from federation.http.problem import Problem, invalid
from federation.messages import Line, Polygon, Shapes


def require_scene_drawn(scene: Shapes, *, field: str) -> None:
    """Raise Problem for a region or mask without an area, or a line without a length; `field` is where they are."""
    undrawn = scene.undrawn()
    if undrawn:
        raise _undrawn(f"{field}.{undrawn}")


def require_task_drawn(region: Polygon | None, masks: tuple[Polygon, ...], lines: tuple[Line, ...]) -> None:
    """Raise Problem for the same in what a request draws for a task."""
    undrawn = Shapes(regions=() if region is None else (region,), masks=masks, lines=lines).undrawn()
    if undrawn:
        raise _undrawn("body.region" if undrawn.startswith("regions") else f"body.{undrawn}")


def _undrawn(field: str) -> Problem:
    return invalid(
        field, "Nothing can be in it or cross it; draw it again: a region or mask with an area, a line with a length."
    )
