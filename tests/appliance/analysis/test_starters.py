"""The algorithms that need no model, on drawn pictures, with an injected clock."""

from datetime import UTC, datetime, timedelta

import numpy as np
from pydantic import JsonValue

from appliance.analysis.finding import Finding, Judge, Picture
from appliance.analysis.judges import Sight, make_judge
from appliance.local import LocalPackage
from federation.messages import Polygon, TaskSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
LEFT_HALF: Polygon = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
NOISE = np.random.default_rng(7)


def street(box: tuple[int, int, int, int] | None = None) -> Picture:
    """Return a grey street with sensor noise, and a dark thing at x, y, width, height in px."""
    picture = np.full((270, 480, 3), 120, np.int16)
    picture[:, ::40] = 150
    if box is not None:
        x, y, width, height = box
        picture[y : y + height, x : x + width] = (20, 30, 40)
    noisy = picture + NOISE.integers(-4, 5, picture.shape)
    shown: Picture = np.clip(noisy, 0, 255).astype(np.uint8)
    return shown


def watch(judge: Judge, pictures: list[Picture]) -> dict[int, list[Finding]]:
    """Show one picture a second; return what was found by second."""
    shown = {
        second: judge.observe(picture, START + timedelta(seconds=second)) for second, picture in enumerate(pictures)
    }
    return {second: found for second, found in shown.items() if found}


def starter(name: str, region: Polygon | None = LEFT_HALF, **parameters: JsonValue) -> Judge:
    """Return the judge of a task with a shipped algorithm."""
    package = LocalPackage(algorithm_id=f"fengsui.{name}", version="1.0.0")
    task = TaskSpec(
        task_id="t",
        generation=1,
        point_id="gate",
        algorithm_id=package.algorithm_id,
        algorithm_version=package.version,
        region=region,
        parameters=parameters,
    )
    return make_judge(task, package, None, Sight())


def intrusion() -> Judge:
    return starter("area_intrusion", dedupe_s=3)


def left_object() -> Judge:
    return starter("left_object", dwell_s=6)


INSIDE, OUTSIDE = (100, 100, 30, 60), (400, 100, 30, 60)


def test_who_stays_inside_is_reported_once() -> None:
    found = watch(intrusion(), [street()] * 5 + [street(INSIDE) for _ in range(6)])

    assert list(found) == [6]
    assert found[6][0].dwell_s == 1.0


def test_who_stays_outside_is_not_reported() -> None:
    assert watch(intrusion(), [street()] * 5 + [street(OUTSIDE) for _ in range(6)]) == {}


def test_a_second_visit_is_reported_again() -> None:
    visit = [street(INSIDE) for _ in range(3)]
    empty = [street() for _ in range(6)]

    assert len(watch(intrusion(), empty + visit + empty + visit)) == 2


def test_a_cloud_is_no_intruder() -> None:
    darker = [(street() * 0.8).astype(np.uint8) for _ in range(6)]

    assert watch(intrusion(), [street() for _ in range(5)] + darker) == {}


def test_what_stands_still_is_reported_after_its_time() -> None:
    found = watch(left_object(), [street() for _ in range(8)] + [street(INSIDE)] * 12)

    assert len(found) == 1
    assert next(iter(found)) >= 14


BAG = (60, 200, 24, 20)


def test_the_place_where_something_stood_at_the_start_is_not_left_when_it_is_gone() -> None:
    assert watch(left_object(), [street(INSIDE) for _ in range(8)] + [street() for _ in range(20)]) == {}


def test_what_is_put_down_is_found_beside_the_place_of_what_has_gone() -> None:
    found = watch(left_object(), [street(INSIDE) for _ in range(8)] + [street(BAG) for _ in range(14)])

    (finding,) = [finding for second in found.values() for finding in second]
    box = finding.detections[0].box
    assert abs(box.x * 480 - BAG[0]) < 8
    assert abs(box.y * 270 - BAG[1]) < 8


def test_what_stood_at_the_start_and_comes_back_is_found_again() -> None:
    gone = [street() for _ in range(12)]
    found = watch(left_object(), [street(INSIDE) for _ in range(8)] + gone + [street(INSIDE) for _ in range(14)])

    assert len(found) == 1
    assert next(iter(found)) > 20


def test_what_moves_is_not_left() -> None:
    walking = [street((20 + 12 * step, 100, 20, 50)) for step in range(15)]

    assert watch(left_object(), [street() for _ in range(8)] + walking) == {}
