"""What a camera normally shows, learned from its own pictures: edges, brightness, sharpness and colour."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.quality.measures import Floats, Measures, likeness

LEARNED_AFTER = 12
"""Pictures, two minutes of them: so many passers-by are no part of the scene any more."""

SLOWEST = 1 / 60
"""Of what a picture adds later on: the reference follows the sun within ten minutes, and no event."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Running means of what was measured while nothing was wrong.

    `alike` is how like the scene's outline its own pictures are: less than 1 where traffic fills the picture. `lost` is
    the share of structured blocks that are without structure in a usual picture.
    """

    pictures: int
    edges: Floats
    layout: Floats
    outline: Floats
    sharpness: float | None
    tint: tuple[float, float]
    alike: float
    lost: float

    @property
    def is_learned(self) -> bool:
        """Tell whether pictures can be held against it."""
        return self.pictures >= LEARNED_AFTER

    def likeness(self, seen: Measures) -> float:
        """Return how like the outline of a picture is to that of the scene, -1 to 1."""
        return likeness(self.outline, seen.outline)

    def lost_share(self, seen: Measures) -> float:
        """Return the share of blocks whose structure is gone, 0 to 1; 0 where the scene has hardly any."""
        structured = self.edges >= STRUCTURED
        if structured.sum() < FEWEST_BLOCKS:
            return 0.0
        return float((seen.edges[structured] < LOST_BELOW * self.edges[structured]).mean())


STRUCTURED = 6.0
LOST_BELOW = 0.25
FEWEST_BLOCKS = 10


def learned(reference: Reference | None, seen: Measures) -> Reference:
    """Return the reference with one more picture in it."""
    if reference is None:
        return Reference(
            pictures=1,
            edges=seen.edges,
            layout=seen.layout,
            outline=seen.outline,
            sharpness=seen.sharpness,
            tint=seen.tint,
            alike=1.0,
            lost=0.0,
        )
    share = max(1 / (reference.pictures + 1), SLOWEST)
    mean = _mixing(share)
    return replace(
        reference,
        pictures=reference.pictures + 1,
        edges=reference.edges + share * (seen.edges - reference.edges),
        layout=reference.layout + share * (seen.layout - reference.layout),
        outline=reference.outline + share * (seen.outline - reference.outline),
        sharpness=_mixed(reference.sharpness, seen.sharpness, mean),
        tint=(mean(reference.tint[0], seen.tint[0]), mean(reference.tint[1], seen.tint[1])),
        alike=mean(reference.alike, reference.likeness(seen)),
        lost=mean(reference.lost, reference.lost_share(seen)),
    )


def _mixing(share: float) -> Callable[[float, float], float]:
    return lambda before, now: before + share * (now - before)


def _mixed(before: float | None, now: float | None, mean: Callable[[float, float], float]) -> float | None:
    if before is None or now is None:
        return before if now is None else now
    return mean(before, now)
