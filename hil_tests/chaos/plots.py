"""Curves and marks over time as SVG text: no script, no file beside the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH_PX, LEFT_PX, RIGHT_PX = 1120, 205, 16
MOST_POINTS = 700
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f3c8d")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One named curve over the times that its plot has."""

    name: str
    values: Sequence[float]
    colour: str
    area: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that lasted from `began_s` to `ended_s`; `hint` appears under the pointer."""

    began_s: float
    ended_s: float
    hint: str


@dataclass(frozen=True, kw_only=True)
class TimeScale:
    """Where a second lies."""

    ends_s: float

    def x(self, at_s: float) -> float:
        """Return the place of a moment in pixels."""
        return LEFT_PX + (WIDTH_PX - LEFT_PX - RIGHT_PX) * at_s / max(self.ends_s, 1e-9)

    def ticks(self) -> list[float]:
        """Return at most a dozen round moments."""
        step = next((step for step in STEPS if self.ends_s / step <= 12), STEPS[-1])
        return [float(at) for at in range(0, int(self.ends_s) + 1, step)]


def plot(title: str, scale: TimeScale, times: Sequence[float], curves: Sequence[Curve], *, height_px: int) -> str:
    """Return a plot of curves with a common zero; its highest value stands at the left."""
    highest = max((value for curve in curves for value in curve.values), default=0.0) or 1.0
    bottom, top = height_px - 22, 26

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / highest

    body = [_grid(scale, top, bottom), f'<text x="0" y="16" class="title">{escape(title)}</text>']
    for level in (0.0, highest / 2, highest):
        body.append(f'<text x="{LEFT_PX - 8}" y="{y(level) + 4:.0f}" class="level">{level:,.0f}</text>')
        body.append(f'<path class="grid" d="M{LEFT_PX} {y(level):.1f}H{WIDTH_PX - RIGHT_PX}"/>')
    for place, curve in enumerate(curves):
        body.append(_curve(scale, times, curve, y))
        body.append(f'<rect x="0" y="{34 + place * 18}" width="12" height="12" rx="2" fill="{curve.colour}"/>')
        body.append(f'<text x="18" y="{44 + place * 18}">{escape(curve.name)}</text>')
    return _svg(body, height_px)


def marks(title: str, scale: TimeScale, rows: Sequence[tuple[str, str, Sequence[Mark]]]) -> str:
    """Return one line of marks for each (name, colour, marks)."""
    row_px, top = 20, 26
    bottom = top + row_px * len(rows)
    body = [_grid(scale, top, bottom), f'<text x="0" y="16" class="title">{escape(title)}</text>']
    for place, (name, colour, found) in enumerate(rows):
        y = top + place * row_px
        body.append(f'<text x="{LEFT_PX - 8}" y="{y + 14}" class="level">{escape(name)}</text>')
        body.append(f'<path class="grid" d="M{LEFT_PX} {y + row_px}H{WIDTH_PX - RIGHT_PX}"/>')
        for mark in found:
            x, width = scale.x(mark.began_s), max(3.0, scale.x(mark.ended_s) - scale.x(mark.began_s))
            body.append(
                f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="12" rx="2" fill="{colour}" opacity="0.85">'
                f"<title>{escape(mark.hint)}</title></rect>"
            )
    return _svg(body, bottom + 22)


def _curve(scale: TimeScale, times: Sequence[float], curve: Curve, y: Callable[[float], float]) -> str:
    every = max(1, len(times) // MOST_POINTS)
    pairs = list(zip(times, curve.values, strict=True))
    kept = [*pairs[::every], *pairs[-1:]]
    line = " ".join(f"{scale.x(at):.1f},{y(value):.1f}" for at, value in kept)
    stroke = f'<polyline points="{line}" fill="none" stroke="{curve.colour}" stroke-width="1.6"/>'
    if not curve.area or not kept:
        return stroke
    feet = f"{scale.x(kept[-1][0]):.1f},{y(0):.1f} {scale.x(kept[0][0]):.1f},{y(0):.1f}"
    return f'<polygon points="{line} {feet}" fill="{curve.colour}" opacity="0.12"/>{stroke}'


def _grid(scale: TimeScale, top: float, bottom: float) -> str:
    return "".join(
        f'<path class="grid" d="M{scale.x(at):.1f} {top}V{bottom}"/>'
        f'<text x="{scale.x(at):.1f}" y="{bottom + 15}" class="tick">{_clock(at)}</text>'
        for at in scale.ticks()
    )


def _clock(at_s: float) -> str:
    return f"{int(at_s) // 60}:{int(at_s) % 60:02d}"


def _svg(body: Sequence[str], height_px: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH_PX} {height_px:.0f}" role="img">{"".join(body)}</svg>'
