"""Whether a model found in a sample picture what its package promises."""

from collections.abc import Sequence

from federation.messages import Box, Detection
from federation.packages import Manifest
from federation.packages.samples import Sample, SampleObject


def unmet(sample: Sample, found: Sequence[Detection], manifest: Manifest, *, size: tuple[int, int]) -> str | None:
    """Return the first promise that `found` breaks in a sample of `size` (width, height) px, or None."""
    for wanted in sample.objects:
        if not any(_is(wanted, item, size) for item in found):
            return f"{wanted.label} was not found{'' if wanted.box is None else f' at {list(wanted.box)}'}"
    if sample.objects or manifest.rule is None:
        return None
    telling = {label for event in manifest.events if event.when for label in event.when.labels}
    loud = [item for item in found if item.label in telling and item.score >= manifest.rule.min_conf]
    return f"{loud[0].label} was found with {loud[0].score:.2f} where nothing is" if loud else None


def _is(wanted: SampleObject, item: Detection, size: tuple[int, int]) -> bool:
    if item.label != wanted.label or item.score < wanted.min_score:
        return False
    return wanted.box is None or overlap(wanted.box, item.box, size) >= wanted.iou


def overlap(corners: tuple[float, float, float, float], box: Box, size: tuple[int, int]) -> float:
    """Return intersection over union of x1 y1 x2 y2 in px and a box in shares of a picture of `size`."""
    width, height = size
    x1, y1, x2, y2 = corners
    left, top = box.x * width, box.y * height
    right, bottom = left + box.width * width, top + box.height * height
    shared = max(0.0, min(x2, right) - max(x1, left)) * max(0.0, min(y2, bottom) - max(y1, top))
    union = (x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - shared
    return shared / union if union > 0 else 0.0
