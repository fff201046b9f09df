"""Dwell, stopped, line crossing: rules that follow single things."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue

from appliance.analysis.rules import Zone
from federation.messages import Detection, Line
from federation.packages.rules import FIELDS
from tests.appliance.analysis.rules.playing import LEFT_HALF, play, ruling, seconds, thing

LEFT = Zone(regions=(LEFT_HALF,))
MIDDLE = ((0.5, 0.0), (0.5, 1.0))


def walker(start: float, step: float, count: int, *, y: float = 0.5) -> list[list[Detection]]:
    """Return someone who goes `step` of the picture's width in every picture."""
    return [[thing(start + step * number, y)] for number in range(count)]


def test_who_walks_about_in_a_region_dwells_but_has_not_stopped() -> None:
    pictures = walker(0.1, 0.03, 12)

    assert seconds(play(ruling("dwell", zone=LEFT, dwell_s=8), pictures)) == [8]
    assert play(ruling("stopped", zone=LEFT, dwell_s=8), pictures) == []


def test_a_car_that_halts_is_reported_from_its_halt_on() -> None:
    pictures = [*walker(0.1, 0.05, 5), *[[thing(0.3)]] * 10]

    assert seconds(play(ruling("stopped", dwell_s=6), pictures)) == [10]


def test_who_stays_on_is_reported_again_once_the_silence_is_over_and_not_a_picture_later() -> None:
    assert seconds(play(ruling("dwell", dwell_s=2, dedupe_s=5, repeat=True), [[thing()]] * 14)) == [2, 7, 12]


def test_two_things_are_reported_each_once_and_a_newcomer_at_the_same_place_not_at_all() -> None:
    pictures = [[thing(0.1)]] * 3 + [[thing(0.1), thing(0.4)]] * 5

    found = play(ruling("dwell", dwell_s=3, dedupe_s=30), pictures)

    assert [(second, finding.detections[0].box.x) for second, finding in found] == [(3, 0.05), (6, 0.35)]


def test_a_thing_that_leaves_and_comes_back_begins_anew() -> None:
    pictures = [[thing()]] * 3 + [[]] * 4 + [[thing()]] * 5

    assert seconds(play(ruling("dwell", dwell_s=4), pictures)) == [11]


def test_dwelling_goes_on_behind_a_passer_for_a_moment_and_while_the_detector_is_unsure() -> None:
    pictures = [[thing()], [thing(score=0.25)], [], [thing(score=0.25)], [thing()]]

    assert seconds(play(ruling("dwell", dwell_s=4), pictures)) == [4]


def test_unsure_detections_alone_begin_nothing() -> None:
    assert play(ruling("dwell", dwell_s=0), [[thing(score=0.3)]] * 5) == []


def test_so_many_must_dwell_at_once() -> None:
    pictures = [[thing(0.1)]] * 5 + [[thing(0.1), thing(0.4)]] * 5

    assert seconds(play(ruling("dwell", dwell_s=3, count=2), pictures)) == [8, 8]


@pytest.mark.parametrize(
    ("counts", "step", "reported"),
    [
        ("both", 0.06, True),
        ("both", -0.06, True),
        ("to_left", 0.06, True),
        ("to_left", -0.06, False),
        ("to_right", -0.06, True),
        ("to_right", 0.06, False),
    ],
)
def test_a_crossing_counts_in_its_direction(counts: str, step: float, *, reported: bool) -> None:
    line = Line.model_validate({"points": MIDDLE, "counts": counts})
    pictures = walker(0.5 - 3.5 * step, step, 8)

    found = play(ruling("line_crossing", zone=Zone(lines=(line,))), pictures)

    assert seconds(found) == ([4] if reported else [])


@pytest.mark.parametrize(
    "pictures",
    [
        walker(0.1, 0.05, 7),
        walker(0.3, 0.06, 8, y=0.95),
        [[thing(0.48 + 0.01 * (number % 2))] for number in range(8)],
    ],
    ids=["stops before the line", "passes beside the end of the line", "stands near the line"],
)
def test_what_does_not_cross_is_not_reported(pictures: list[list[Detection]]) -> None:
    line = Line(points=((0.5, 0.0), (0.5, 0.8)))

    assert play(ruling("line_crossing", zone=Zone(lines=(line,))), pictures) == []


def test_who_steps_to_and_fro_over_a_line_is_reported_once_in_the_silence() -> None:
    pictures = [[thing(0.47 if number % 2 else 0.53)] for number in range(12)]

    found = play(ruling("line_crossing", zone=Zone(lines=(Line(points=MIDDLE),)), dedupe_s=30), pictures)

    assert seconds(found) == [1]


@pytest.mark.parametrize(
    ("steps", "counts", "when"),
    [
        pytest.param((0.375, 0.5, 0.375, 0.25), "both", [], id="touches the line from the left and turns back"),
        pytest.param((0.625, 0.5, 0.625, 0.75), "both", [], id="touches it from the right and turns back"),
        pytest.param((0.375, 0.5, 0.375, 0.25), "to_right", [], id="comes back from it to the side that counts"),
        pytest.param((0.375, 0.5, 0.5, 0.625), "both", [3], id="halts on the line and goes on"),
        pytest.param((0.5, 0.5, 0.625, 0.75), "both", [], id="began on the line"),
        pytest.param((0.375, 0.5, 0.625, 0.5, 0.375), "both", [2, 4], id="crosses, halts on it on the way back"),
    ],
)
def test_who_halts_on_a_line_has_crossed_it_once_the_other_side_is_reached(
    steps: tuple[float, ...], counts: str, when: list[float]
) -> None:
    line = Line.model_validate({"points": MIDDLE, "counts": counts})
    pictures = [[thing(x, size=0.25)] for x in steps]

    found = play(ruling("line_crossing", zone=Zone(lines=(line,)), dedupe_s=0), pictures)

    assert seconds(found) == when


@pytest.mark.parametrize("step", [0.0625, -0.0625])
def test_a_step_through_the_very_end_of_a_line_crosses_it(step: float) -> None:
    line = Line(points=((0.5, 0.0), (0.5, 0.75)))
    pictures = [[thing(0.5 + step * place, 0.75, size=0.25)] for place in (-3, -2, -1, 1, 2)]

    assert seconds(play(ruling("line_crossing", zone=Zone(lines=(line,))), pictures)) == [3]


@pytest.mark.parametrize("heights", [(0.5, 0.75, 1.0, 1.0), (1.0, 1.0, 0.75, 0.5)], ids=["leaves", "comes"])
def test_a_line_along_the_lower_border_is_crossed_by_who_leaves_or_comes_there(heights: tuple[float, ...]) -> None:
    line = Line(points=((0.0, 1.0), (1.0, 1.0)))
    pictures = [[thing(0.5, y, size=0.5)] for y in heights]

    assert seconds(play(ruling("line_crossing", zone=Zone(lines=(line,)), dedupe_s=0), pictures)) == [2]


def test_a_corner_of_a_line_is_crossed_once() -> None:
    line = Line(points=((0.5, 0.25), (0.5, 0.5), (0.5, 0.75)))
    pictures = [[thing(x, 0.5, size=0.25)] for x in (0.25, 0.375, 0.625, 0.75)]

    assert seconds(play(ruling("line_crossing", zone=Zone(lines=(line,)), dedupe_s=0), pictures)) == [2]


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"change"}))
def test_history_played_again_gives_the_same_findings(kind: str, crowd: Callable[[], list[list[Detection]]]) -> None:
    zone = Zone(regions=(LEFT_HALF,), lines=(Line(points=((0.2, 0.0), (0.3, 1.0))),))
    settings: dict[str, dict[str, JsonValue]] = {
        "dwell": {"dwell_s": 2.0},
        "stopped": {"dwell_s": 2.0},
        "area_share": {"share": 0.05},
        "absence": {"count": 3},
        "count": {"count": 2},
    }
    partners = ["bag"] if kind == "together" else []

    first, again = (
        play(ruling(kind, zone=zone, partners=partners, dedupe_s=3, **settings.get(kind, {})), recording)
        for recording in (crowd(), crowd())
    )

    assert first
    assert first == again


@pytest.fixture
def crowd() -> Callable[[], list[list[Detection]]]:
    """Return a recorded minute: persons and bags that come, cross and stay, some of them unsurely seen."""

    def recorded() -> list[list[Detection]]:
        return [
            [
                thing(0.05 + 0.01 * second, 0.3, score=0.9 if second % 4 else 0.3),
                thing(0.45 - 0.008 * second, 0.6),
                thing(0.2, 0.8, size=0.15),
                thing(0.26, 0.8, label="bag", score=0.7),
            ]
            for second in range(45)
        ]

    return recorded
