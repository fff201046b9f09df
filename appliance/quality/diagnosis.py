"""What one picture lets suspect. A suspicion becomes a fault only when it stays: see `watch`.

The thresholds were chosen on real footage and on rendered streets, with disturbances laid over them; the figures are in
docs/picture-quality.md. Where there is a reference, a picture is held against what its own camera normally shows.
"""

from appliance.quality.measures import Measures, change
from appliance.quality.measures import likeness as correlation
from appliance.quality.reference import Reference
from federation.messages import PictureFault

BLACK_BRIGHTEST = 28.0
"""99 of 100 samples of a black picture are darker, with noise on the 16 of video black; a street at night has lamps."""

DARK_MEAN, DARK_BRIGHTEST = 32.0, 110.0
"""Too dark: little is above video black, and no lamp lights anything; a lit street at night has a mean above 35."""

BRIGHT_MEAN, CLIPPED_SHARE = 215.0, 0.35
"""Too bright: a third of the picture is white without drawing. Snow and sky are bright, but not clipped."""

CAST_CHROMA, CAST_RATIO = 14.0, 1.7
"""A colour cast moves all colours alike: their mean lies farther from grey than they lie from each other. A lawn that
fills half of a picture has a chroma of 20, but a ratio of 1.2."""

CAST_TURN = 8.0
"""From the colour that the camera normally has: a street under sodium lamps is orange, and right."""

BLANK_DEVIATION, BLANK_RANGE = 6.0, 30.0
"""Nothing but one surface without an edge lies before the lens; asphalt from straight above has a deviation of 12."""

BLURRED, BLURRED_SHARE = 0.025, 0.6
"""Sharp pictures have 0.045 to 0.07. A blur of 2.5 px at a width of 640, 7.5 px at 1080p, leaves half of that."""

NIGHT_SHARE = 0.6
"""Of the usual brightness. Where a lens far out of focus has left no edge, light and dark are where they were."""

LOST_SHARE, LAYOUT_BELOW = 0.35, 0.8
"""Covered: so large a share of the blocks that usually have structure has lost it, and their brightness too. Blur takes
the structure, but leaves light and dark where they were: a likeness of 0.98."""

MOVED_SHARE = 0.5
"""Of the usual likeness. A camera that is turned by an eighth of its view keeps 0.1 to 0.47; sunshine, shadows and blur
leave 0.55 and more."""

FROZEN_CHANGE = 0.2
"""Levels. A picture that is coded again and again settles below 0.1; the weakest noise of a live one makes 0.5."""


def suspicions(seen: Measures, before: Measures | None, reference: Reference | None) -> frozenset[PictureFault]:
    """Return what may be wrong; `before` is the picture some seconds ago. A black picture is black and nothing else."""
    if seen.brightest < BLACK_BRIGHTEST:
        return frozenset({PictureFault.BLACK})
    known = reference if reference is not None and reference.is_learned else None
    found = _view(seen, known)
    if _has_cast(seen, known) and not found & _HIDING:
        found.add(PictureFault.COLOUR_CAST)
    if before is not None and change(seen, before) < FROZEN_CHANGE and not found & _HIDING:
        found.add(PictureFault.FROZEN)
    return frozenset(found)


_HIDING = {PictureFault.TOO_BRIGHT, PictureFault.COVERED}
"""Where these are, neither colour nor noise of the scene is seen."""


def _view(seen: Measures, known: Reference | None) -> set[PictureFault]:
    """Return one of those faults that hide each other: too bright, covered, too dark, blurred, moved."""
    if seen.clipped_share > CLIPPED_SHARE or seen.mean > BRIGHT_MEAN:
        return {PictureFault.TOO_BRIGHT}
    if _is_covered(seen, known):
        return {PictureFault.COVERED}
    if seen.mean < DARK_MEAN and seen.brightest < DARK_BRIGHTEST:
        return {PictureFault.TOO_DARK}
    if _is_blurred(seen, known):
        return {PictureFault.BLURRED}
    if known is not None and known.likeness(seen) < MOVED_SHARE * known.alike:
        return {PictureFault.MOVED}
    return set()


def _has_cast(seen: Measures, known: Reference | None) -> bool:
    if seen.chroma < max(CAST_CHROMA, CAST_RATIO * seen.variety):
        return False
    if known is None:
        return True
    return abs(seen.tint[0] - known.tint[0]) + abs(seen.tint[1] - known.tint[1]) > CAST_TURN


def _is_covered(seen: Measures, known: Reference | None) -> bool:
    if seen.sharpness is None and seen.deviation < BLANK_DEVIATION and seen.brightest - seen.darkest < BLANK_RANGE:
        return True
    if known is None or known.lost_share(seen) < known.lost + LOST_SHARE * (1 - known.lost):
        return False
    return correlation(known.layout, seen.layout) < LAYOUT_BELOW


def _is_blurred(seen: Measures, known: Reference | None) -> bool:
    usual = None if known is None else known.sharpness
    if seen.sharpness is not None:
        return seen.sharpness < BLURRED or (usual is not None and seen.sharpness < BLURRED_SHARE * usual)
    if known is None or usual is None or seen.layout.mean() < NIGHT_SHARE * known.layout.mean():
        return False  # night takes the edges too, with the light
    return correlation(known.layout, seen.layout) >= LAYOUT_BELOW
