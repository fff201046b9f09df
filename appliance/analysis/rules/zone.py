"""Where a rule looks: the regions, masks and lines that were drawn, in shares of the picture."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from appliance.analysis.region import ByteMask, contains, mask_of
from federation.messages import Box, Line, Polygon, Shapes


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Drawn shapes as a place to ask about; without regions the whole picture is looked at."""

    regions: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    lines: tuple[Line, ...] = ()

    @classmethod
    def of(cls, shapes: Iterable[Shapes]) -> "Zone":
        """Return the zone of the first regions and the first lines that were drawn, and of all masks."""
        drawn = tuple(shapes)
        return cls(
            regions=next((part.regions for part in drawn if part.regions), ()),
            masks=tuple(mask for part in drawn for mask in part.masks),
            lines=next((part.lines for part in drawn if part.lines), ()),
        )

    def holds(self, x: float, y: float) -> bool:
        """Tell whether the place (x, y) is looked at."""
        if any(contains(mask, x, y) for mask in self.masks):
            return False
        return not self.regions or any(contains(region, x, y) for region in self.regions)

    def region_of(self, box: Box) -> Polygon | None:
        """Return the region in which a box stands; the only one if it stands in none, None without any."""
        x, y = foot(box)
        standing = (region for region in self.regions if contains(region, x, y))
        return next(standing, self.regions[0] if self.regions else None)

    def mask(self, *, width_px: int, height_px: int) -> ByteMask:
        """Return 255 where it is looked, 0 elsewhere."""
        size = {"width_px": width_px, "height_px": height_px}
        whole = np.zeros((height_px, width_px), np.uint8) if self.regions else mask_of(None, **size)
        for region in self.regions:
            whole |= mask_of(region, **size)
        for mask in self.masks:
            whole &= ~mask_of(mask, **size)
        return whole


def foot(box: Box) -> tuple[float, float]:
    """Return the middle of a box's lower edge, where things stand."""
    return box.x + box.width / 2, box.y + box.height
