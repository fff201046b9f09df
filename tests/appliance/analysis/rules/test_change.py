"""Change against a reference picture, of everything or of the event's labels alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.analysis.finding import Area
from appliance.analysis.rules import Seen
from tests.appliance.analysis.rules.playing import play, ruling, seconds, thing

EMPTY = np.full((180, 320, 3), 60, np.uint8)
LEARN_S = 3

Shown = Callable[[datetime], Seen]


def scene(*boxes: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the yard with bright squares of 60 px at these corners."""
    picture = EMPTY.copy()
    for x, y in boxes:
        picture[y : y + 60, x : x + 60] = 230
    return picture


def shown(picture: NDArray[Any], **seen: Any) -> Shown:
    return lambda at: Seen(at=at, picture=picture, **seen)


LEFT, RIGHT = (40, 60), (220, 60)
PERSON = thing((40 + 30) / 320, 120 / 180, size=60 / 180)
"""A box around the square on the left."""


@pytest.mark.parametrize(("changed", "when"), [(LEFT, [3.0]), (RIGHT, [])])
def test_a_change_counts_where_the_events_label_is_seen(changed: tuple[int, int], when: list[float]) -> None:
    after = shown(scene(changed), detections=(PERSON,))
    rule = ruling("change", share=0.03, learn_s=LEARN_S)

    assert seconds(play(rule, [shown(EMPTY)] * 3 + [after] * 2)) == when


@pytest.mark.parametrize(("sensitivity", "reported"), [(0.0, False), (0.4, False), (0.6, True), (1.0, True)])
def test_a_faint_change_is_reported_where_the_rule_is_sensitive(sensitivity: float, *, reported: bool) -> None:
    faint = EMPTY.copy()
    faint[60:120, 40:100] += 40  # the threshold is 60 at no sensitivity, and 20 at all of it
    rule = ruling("change", share=0.03, learn_s=LEARN_S, sensitivity=sensitivity)

    found = play(rule, [shown(EMPTY)] * 3 + [shown(faint, detections=(PERSON,))] * 2)

    assert bool(found) is reported


def test_what_was_there_while_the_reference_was_learnt_is_missed_when_it_is_gone() -> None:
    before, after = shown(scene(LEFT), detections=(PERSON,)), shown(EMPTY)

    ((second, finding),) = play(ruling("change", share=0.03, learn_s=LEARN_S), [before] * 3 + [after] * 2)

    assert second == 3
    assert finding.detections[0].box.x == pytest.approx(40 / 320, abs=0.02)


def test_a_change_where_something_else_or_something_weak_is_seen_does_not_count() -> None:
    car = PERSON.model_copy(update={"label": "car"})
    weak = PERSON.model_copy(update={"score": 0.2})
    after = shown(scene(LEFT), detections=(car, weak))

    assert play(ruling("change", share=0.03, learn_s=LEARN_S), [shown(EMPTY)] * 3 + [after] * 3) == []


def test_a_change_is_measured_by_masks_where_there_are_any() -> None:
    mask = np.zeros((90, 160), np.uint8)
    mask[30:60, 20:30] = 255  # a third of the square
    after = shown(scene(LEFT), detections=(PERSON,), areas=(Area(label="person", score=0.9, mask=mask),))

    assert play(ruling("change", share=0.03, learn_s=LEARN_S), [shown(EMPTY)] * 3 + [after] * 2) == []
    assert play(ruling("change", share=0.015, learn_s=LEARN_S), [shown(EMPTY)] * 3 + [after] * 2) != []


def test_history_played_again_gives_the_same_findings() -> None:
    """Squares come, move on and go; the reference is learnt while one of them is there already."""

    def recorded() -> list[Shown]:
        generator = np.random.default_rng(11)
        places = [(30 + 6 * second % 180, 60) for second in range(45)]
        return [
            shown(
                scene(place) + generator.integers(0, 12, EMPTY.shape, np.uint8),
                detections=(thing((place[0] + 30) / 320, 120 / 180, size=60 / 180),),
            )
            for place in places
        ]

    first, again = (play(ruling("change", share=0.03, learn_s=LEARN_S, dedupe_s=5), recorded()) for _ in range(2))

    assert len(first) > 1
    assert first == again
