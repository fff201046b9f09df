"""The algorithms that need no model, on drawn pictures, with an injected clock."""

from datetime import UTC, datetime, timedelta
from typing import cast

import cv2
import numpy as np
import pytest
from pydantic import JsonValue

from appliance.analysis.finding import Finding, Judge, Picture
from appliance.analysis.judges import Sight, make_judges
from appliance.analysis.views import UNKNOWN, Drawings
from appliance.local import LocalPackage
from federation.messages import Line, Polygon, TaskSpec
from federation.packages import Manifest, builtin_manifests

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


def watch(judge: Judge, pictures: list[Picture], *, every_s: float = 1.0) -> dict[int, list[Finding]]:
    """Show one picture a second, or every so often; return what was found by the number of the picture."""
    shown = {
        number: judge.observe(picture, START + timedelta(seconds=number * every_s))
        for number, picture in enumerate(pictures)
    }
    return {second: found for second, found in shown.items() if found}


def starter(
    name: str, region: Polygon | None = LEFT_HALF, lines: tuple[Line, ...] = (), **parameters: JsonValue
) -> Judge:
    """Return the judge of a task with a shipped algorithm."""
    package = LocalPackage(algorithm_id=f"fengsui.{name}", version="1.0.0")
    task = TaskSpec(
        task_id="t",
        generation=1,
        point_id="gate",
        algorithm_id=package.algorithm_id,
        algorithm_version=package.version,
        region=region,
        lines=lines,
        parameters=parameters,
    )
    judge = make_judges(task, package, None, Sight(), Drawings(of_task=task.drawn)).at(UNKNOWN)
    assert judge is not None
    return judge


def intrusion() -> Judge:
    return starter("area_intrusion", dedupe_s=3)


def left_object() -> Judge:
    return starter("left_object", dwell_s=6)


INSIDE, OUTSIDE = (100, 100, 30, 60), (400, 100, 30, 60)


def test_who_stays_inside_is_reported_once() -> None:
    found = watch(intrusion(), [street()] * 5 + [street(INSIDE) for _ in range(6)])

    assert list(found) == [6]
    assert found[6][0].dwell_s == 1.0


@pytest.mark.parametrize(("sensitivity", "reported"), [(1.0, True), (0.0, False)])
def test_who_is_hardly_seen_is_reported_at_a_high_sensitivity_alone(sensitivity: float, *, reported: bool) -> None:
    judge = starter("area_intrusion", sensitivity=sensitivity)
    faint = [(street() * 0.6 + street(INSIDE) * 0.4).astype(np.uint8) for _ in range(6)]

    assert bool(watch(judge, [street()] * 5 + faint)) == reported


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


VAN = (60, 120, 90, 60)


def test_a_van_that_stops_is_reported_and_a_bag_is_too_small_for_that() -> None:
    empty = [street() for _ in range(8)]

    assert len(watch(starter("illegal_stop", dwell_s=6), empty + [street(VAN) for _ in range(12)])) == 1
    assert watch(starter("illegal_stop", dwell_s=6), empty + [street(BAG) for _ in range(12)]) == {}


def test_a_van_that_stood_there_at_first_and_drives_away_is_not_reported_and_counts_when_it_comes_back() -> None:
    first, gone = [street(VAN) for _ in range(8)], [street() for _ in range(14)]

    found = watch(starter("illegal_stop", dwell_s=6), first + gone + [street(VAN) for _ in range(12)])

    assert len(found) == 1
    assert next(iter(found)) > 22


def test_what_moves_is_not_left() -> None:
    walking = [street((20 + 12 * step, 100, 20, 50)) for step in range(15)]

    assert watch(left_object(), [street() for _ in range(8)] + walking) == {}


MIDDLE = (Line(points=((0.5, 0.0), (0.5, 1.0)), counts="to_left"),)


def walking(step: int) -> list[Picture]:
    """Return someone who walks through the picture, `step` px a second, from one side to the other."""
    start = 20 if step > 0 else 440
    return [street((start + step * second, 100, 20, 60)) for second in range(abs(420 // step))]


def test_who_crosses_a_line_is_reported_in_the_direction_that_counts() -> None:
    empty = [street() for _ in range(3)]

    assert len(watch(starter("line_crossing", None, MIDDLE), empty + walking(22))) == 1
    assert watch(starter("line_crossing", None, MIDDLE), empty + walking(-22)) == {}


def test_one_person_is_no_crowd_and_many_who_move_are() -> None:
    def moving(places: int) -> list[Picture]:
        pictures = [street() for _ in range(16)]
        for second, picture in enumerate(pictures[4:]):
            for place in range(places):
                x, y = 12 + 56 * (place % 4) + 5 * (second % 2), 20 + 62 * (place // 4)
                picture[y : y + 50, x : x + 30] = (20, 30, 40)
        return pictures

    assert list(watch(starter("crowding"), moving(16))) == [14]
    assert watch(starter("crowding"), moving(1)) == {}


def test_a_scene_that_stays_changed_is_reported_and_a_passer_is_not() -> None:
    first = [street() for _ in range(12)]

    found = watch(starter("scene_change", hold_s=5), [*first, *(street((40, 60, 120, 120)) for _ in range(8))])
    passing = watch(starter("scene_change", hold_s=5), [*first, *[street((40, 60, 120, 120))] * 2, *first])

    assert list(found) == [17]
    (finding,) = found[17]
    assert abs(finding.detections[0].box.x * 480 - 40) < 8
    assert passing == {}


def bank(level: int) -> Picture:
    """Return a quay of stone with joints, and waves of dark water up to row `level`."""
    picture = np.full((270, 480, 3), (140, 150, 155), np.int16)
    picture[::18] = 110
    waves = 12 * np.sin(np.arange(480) / 7 + NOISE.uniform(0, 6))
    picture[level:] = np.stack([80 + waves, 70 + waves, 50 + waves], axis=1)[None]
    shown: Picture = np.clip(picture + NOISE.integers(-4, 5, picture.shape), 0, 255).astype(np.uint8)
    return shown


MARK = (Line(points=((0.1, 0.5), (0.9, 0.5))),)


def test_water_is_reported_once_it_has_risen_above_the_line() -> None:
    rising = [bank(level) for level in (150, 150, 148, 145, 140)] + [bank(112) for _ in range(14)]

    assert list(watch(starter("water_level", None, MARK), rising)) == [15]


def test_water_below_the_line_and_waves_that_reach_it_are_not_reported() -> None:
    swell = [bank(150 if second % 3 else 132) for second in range(30)]

    assert watch(starter("water_level", None, MARK), swell) == {}


def test_a_shadow_on_the_quay_is_not_water() -> None:
    def shaded() -> Picture:
        picture = bank(150)
        picture[:150] = (picture[:150] * 0.6).astype(np.uint8)
        return picture

    assert watch(starter("water_level", None, MARK), [bank(150)] * 4 + [shaded() for _ in range(16)]) == {}


def patterned() -> Picture:
    """Return a wall with windows, and noise."""
    picture = np.full((270, 480, 3), 120, np.int16)
    for row in range(20, 250, 46):
        for column in range(16, 470, 58):
            picture[row : row + 30, column : column + 36] = (60 + column // 4, 90, 60 + row // 3)
    shown: Picture = np.clip(picture + NOISE.integers(-3, 4, picture.shape), 0, 255).astype(np.uint8)
    return shown


def veiled(second: int, *, grey: int = 190) -> Picture:
    """Return the wall behind a cloud of smoke that drifts and grows."""
    picture = patterned()
    rows, columns = np.mgrid[0:270, 0:480].astype(np.float32)
    reach = 45 + 3 * second
    far = ((columns - 220 - 6 * np.sin(second)) ** 2 + (rows - 150 + 3 * second) ** 2) / reach**2
    share = (0.6 * np.exp(-far) * (1 + 0.15 * np.sin(columns / 9 + second)))[..., None]
    shown: Picture = np.clip(picture * (1 - share) + grey * share, 0, 255).astype(np.uint8)
    return shown


def test_smoke_that_drifts_before_a_wall_is_reported() -> None:
    found = watch(starter("smoke", None), [patterned() for _ in range(4)] + [veiled(second) for second in range(8)])

    assert [finding.event_code for second in found.values() for finding in second] == ["smoke/smoke"]


def test_a_shadow_that_drifts_like_smoke_is_not_reported() -> None:
    dark = [veiled(second, grey=0) for second in range(8)]

    assert watch(starter("smoke", None), [patterned() for _ in range(4)] + dark) == {}


def test_who_walks_before_a_wall_is_no_smoke() -> None:
    pictures = [patterned() for _ in range(14)]
    for second, picture in enumerate(pictures[4:]):
        picture[80:220, 40 + 30 * second : 100 + 30 * second] = (150, 155, 160)

    assert watch(starter("smoke", None), pictures) == {}


def test_a_covered_moved_blurred_and_black_camera_are_told_apart_and_a_good_one_is_left_alone() -> None:
    learnt = [patterned() for _ in range(14)]
    covered = [np.full((270, 480, 3), 70, np.uint8) for _ in range(4)]
    blurred = [cast("Picture", cv2.GaussianBlur(patterned(), (0, 0), 9)) for _ in range(4)]
    black = [np.zeros((270, 480, 3), np.uint8) for _ in range(4)]
    moved: list[Picture] = [np.roll(patterned(), (60, 130), axis=(0, 1))[:, ::-1].copy() for _ in range(4)]

    codes = {
        name: [
            finding.event_code
            for found in watch(starter("camera_view", None), shown, every_s=10).values()
            for finding in found
        ]
        for name, shown in (
            ("covered", learnt + covered),
            ("moved", learnt + moved),
            ("blurred", learnt + blurred),
            ("black", learnt + black),
            ("good", learnt + learnt),
        )
    }

    assert codes == {
        **{name: [f"camera_view/{name}"] for name in ("covered", "moved", "blurred", "black")},
        "good": [],
    }


@pytest.mark.parametrize("manifest", builtin_manifests().values(), ids=lambda manifest: manifest.id)
def test_every_shipped_algorithm_can_be_run_as_it_comes(manifest: Manifest) -> None:
    judge = starter(manifest.id.removeprefix("fengsui."), LEFT_HALF, MIDDLE)

    assert watch(judge, [street() for _ in range(3)]) == {}
