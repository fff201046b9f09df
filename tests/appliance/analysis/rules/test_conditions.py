"""Presence, absence, count, state, together, area share: conditions over one picture, with their pace."""

import numpy as np
import pytest

from appliance.analysis.finding import Area
from appliance.analysis.rules import Ruling, Seen, Zone, rules_of, values_of
from federation.packages import Manifest
from tests.appliance.analysis.rules.playing import LEFT_HALF, play, ruling, seconds, thing
from tests.appliance.analysis.test_detector import manifest as detector

HERE, NOBODY = [thing()], []  # type: ignore[var-annotated]
LEFT = Zone(regions=(LEFT_HALF,))


def test_what_lasts_is_reported_again_after_the_silence() -> None:
    assert seconds(play(ruling("presence", dedupe_s=10), [HERE] * 21)) == [0, 10, 20]


def test_without_repetition_what_lasts_is_reported_once_and_again_after_it_has_been_away() -> None:
    pictures = [HERE] * 15 + [NOBODY] * 6 + [HERE] * 3

    assert seconds(play(ruling("presence", dedupe_s=5, repeat=False), pictures)) == [0, 21]


def test_who_is_away_for_a_moment_is_not_reported_again() -> None:
    pictures = [HERE] * 3 + [NOBODY] * 4 + [HERE] * 3

    assert seconds(play(ruling("presence", dedupe_s=5, repeat=False), pictures)) == [0]


def test_a_condition_must_hold_for_its_time_and_forgives_a_missed_picture() -> None:
    assert seconds(play(ruling("presence", hold_s=4), [HERE, HERE, NOBODY, HERE, HERE, HERE])) == [4]


def test_a_condition_that_was_away_for_longer_starts_anew() -> None:
    assert seconds(play(ruling("presence", hold_s=4), [HERE, *[NOBODY] * 3, *[HERE] * 6])) == [8]


def test_rare_pictures_do_not_end_a_condition() -> None:
    assert seconds(play(ruling("presence", hold_s=100, dedupe_s=600), [HERE] * 4, every_s=60)) == [120]


@pytest.mark.parametrize(("shown", "when"), [("101", [2]), ("1001", []), ("011", [2]), ("100100101", [8])])
def test_so_many_of_the_latest_pictures_must_agree(shown: str, when: list[float]) -> None:
    pictures = [HERE if digit == "1" else NOBODY for digit in shown]

    assert seconds(play(ruling("presence", snapshots=2, of=3), pictures)) == when


@pytest.mark.parametrize(
    "outside", [thing(0.8), thing(score=0.39), thing(size=0.04), thing(label="car"), thing(0.3, 0.95)]
)
def test_what_is_elsewhere_weak_small_masked_or_something_else_does_not_count(outside: object) -> None:
    zone = Zone(regions=(LEFT_HALF,), masks=(((0.0, 0.9), (0.5, 0.9), (0.5, 1.0), (0.0, 1.0)),))
    rule = ruling("presence", zone=zone, min_size=0.05)

    assert play(rule, [[outside]] * 3) == []
    assert seconds(play(rule, [HERE])) == [0]


def test_a_finding_names_the_region_in_which_it_was() -> None:
    right = tuple((1 - x, y) for x, y in LEFT_HALF)
    zone = Zone(regions=(LEFT_HALF, right))

    ((_, finding),) = play(ruling("presence", zone=zone), [[thing(0.8)]])

    assert finding.region == right


def test_absence_is_reported_once_too_few_have_been_there_for_the_time() -> None:
    pictures = [[thing(0.1), thing(0.3)]] * 3 + [HERE] * 5

    ((second, finding),) = play(ruling("absence", zone=LEFT, count=2, hold_s=3), pictures)

    assert (second, finding.detections) == (6, (thing(),))


def test_an_empty_post_is_an_absence_without_detections() -> None:
    ((second, finding),) = play(ruling("absence", count=1, hold_s=2), [NOBODY] * 4)

    assert (second, finding.detections, finding.score) == (2, (), 1.0)


@pytest.mark.parametrize(("compare", "numbers", "when"), [("at_least", (2, 3, 4), [1]), ("at_most", (5, 4, 3), [2])])
def test_a_count_is_compared_either_way(compare: str, numbers: tuple[int, ...], when: list[float]) -> None:
    pictures = [[thing(0.1 * (place + 1)) for place in range(number)] for number in numbers]

    assert seconds(play(ruling("count", compare=compare, count=3), pictures)) == when


@pytest.mark.parametrize(("score", "reported"), [(0.4, True), (0.399, False)])
def test_what_is_just_as_sure_as_is_asked_for_counts(score: float, *, reported: bool) -> None:
    assert bool(play(ruling("presence", min_conf=0.4), [[thing(score=score)]])) is reported


@pytest.mark.parametrize(("share", "reported"), [(0.01, True), (0.0101, False)])
def test_an_area_of_just_the_share_that_is_asked_for_counts(share: float, *, reported: bool) -> None:
    assert bool(play(ruling("area_share", share=share), [[thing(size=0.1)]])) is reported


@pytest.mark.parametrize(("away", "when"), [(4, [0]), (5, [0, 6])])
def test_without_repetition_what_was_away_for_just_the_silence_is_reported_again(away: int, when: list[float]) -> None:
    pictures = [HERE, *[NOBODY] * away, HERE]

    assert seconds(play(ruling("presence", dedupe_s=5, repeat=False), pictures)) == when


def test_a_state_is_the_strongest_label_at_its_place() -> None:
    closed, opened = thing(label="car", score=0.8), thing(label="person", score=0.6)
    elsewhere = thing(0.8, label="car", score=0.95)

    assert play(ruling("state"), [[closed, opened]]) == []
    assert seconds(play(ruling("state"), [[opened, elsewhere]])) == [0]


@pytest.mark.parametrize(("full", "empty", "reported"), [(0.7, 0.2, True), (0.6, 0.7, False), (0.9, 0.0, True)])
def test_a_state_that_a_second_model_sees_is_not_outdone_by_the_thing_that_it_looked_at(
    full: float, empty: float, *, reported: bool
) -> None:
    stage = {
        "file": "models/state.onnx",
        "on": ["bin"],
        "input": {"tensor": "images", "size": [32, 32]},
        "output": {"decoder": "class", "tensor": "o"},
        "labels": ["full", "empty"],
    }
    base = detector({"decoder": "rows", "tensor": "o"}, labels=("bin",)).model_dump(mode="json", exclude_defaults=True)
    event = {"code": "test/full", "name": {"zh": "满", "en": "Full"}, "when": {"labels": ["full"]}}
    manifest = Manifest.model_validate({**base, "stages": [stage], "rule": {"kind": "state"}, "events": [event]})
    seen = [thing(label="bin", score=0.9), thing(label="full", score=full), thing(label="empty", score=empty)]

    found = play(Ruling(rules_of(manifest, values_of(manifest, {}), Zone())), [seen])

    assert bool(found) is reported


@pytest.mark.parametrize(
    ("other", "reported"),
    [
        (thing(0.3, label="bag"), True),
        (thing(0.45, label="bag"), False),
        (thing(0.25), False),
        (thing(0.3, label="car"), False),
    ],
)
def test_two_kinds_are_together_when_near(other: object, *, reported: bool) -> None:
    found = play(ruling("together", partners=["bag"], distance=0.5), [[thing(), other]])

    assert bool(found) is reported


def test_without_partners_nobody_is_together_with_himself_or_his_like() -> None:
    assert play(ruling("together", distance=0.5), [[thing(), thing(0.25)]]) == []


def test_boxes_that_overlap_count_once_for_the_share_of_an_area() -> None:
    pictures = [[thing(0.2, 0.5, size=0.2), thing(0.2, 0.5, size=0.2)]]

    assert play(ruling("area_share", zone=LEFT, share=0.1), pictures) == []
    assert seconds(play(ruling("area_share", zone=LEFT, share=0.07), pictures)) == [0]


def test_a_mask_counts_as_it_is_and_only_within_the_zone() -> None:
    mask = np.zeros((36, 64), np.uint8)
    mask[:18] = 255
    shown = [lambda at: Seen(at=at, areas=(Area(label="person", score=0.9, mask=mask),))]
    masked = Zone(regions=(LEFT_HALF,), masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)),))

    assert seconds(play(ruling("area_share", zone=LEFT, share=0.49), shown)) == [0]
    assert play(ruling("area_share", zone=LEFT, share=0.51), shown) == []
    assert play(ruling("area_share", zone=masked, share=0.01), shown) == []


def test_a_weak_or_flat_area_does_not_count() -> None:
    mask = np.zeros((36, 64), np.uint8)
    mask[:9] = 255
    weak = [lambda at: Seen(at=at, areas=(Area(label="person", score=0.3, mask=mask),))]
    flat = [lambda at: Seen(at=at, areas=(Area(label="person", score=0.9, mask=mask),))]

    assert play(ruling("area_share", share=0.2, min_conf=0.4), weak) == []
    assert play(ruling("area_share", share=0.2, min_size=0.3), flat) == []
    assert seconds(play(ruling("area_share", share=0.2, min_size=0.2), flat)) == [0]
