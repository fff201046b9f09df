"""What is drawn by mistake is no region, mask or line."""

import pytest

from federation.messages import Line, Polygon, Shapes


def band(height: float) -> Polygon:
    """Return a region of a hundredth of the picture's width."""
    return ((0.5, 0.5), (0.51, 0.5), (0.51, 0.5 + height), (0.5, 0.5 + height))


@pytest.mark.parametrize(("height", "undrawn"), [(0.00101, ""), (0.00099, "regions.0"), (0.0, "regions.0")])
def test_a_region_has_an_area(height: float, undrawn: str) -> None:
    assert Shapes(regions=(band(height),)).undrawn() == undrawn
    assert Shapes(regions=(band(height)[::-1],)).undrawn() == undrawn


def test_the_first_that_is_undrawn_is_named() -> None:
    line, point = Line(points=((0.1, 0.1), (0.1, 0.2), (0.1, 0.1))), Line(points=((0.1, 0.1), (0.1, 0.1)))

    assert Shapes(regions=(band(0.1),), masks=(band(0.1), band(0)), lines=(point,)).undrawn() == "masks.1"
    assert Shapes(lines=(line, point)).undrawn() == "lines.1"
