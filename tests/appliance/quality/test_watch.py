"""Pictures of a street that are disturbed, and what is said of them."""

from datetime import timedelta

import cv2
import numpy as np
import pytest

from appliance.quality import Watch, first_look
from appliance.quality.measures import Picture
from appliance.quality.watch import ADOPTED_AFTER, FROZEN_AFTER, GONE_AFTER, SAID_AFTER
from federation.messages import PictureFault
from hil_tests.rig.footage.disturbing import DISTURBANCES, Disturb, black, blurred, covered, exposed, turned
from tests.appliance.quality.conftest import EVERY, LEARNED, START, Followed, Street

KINDS = [(name, disturb) for name, kinds in DISTURBANCES.items() for disturb in kinds]


@pytest.mark.parametrize(("name", "disturb"), KINDS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(KINDS)])
def test_each_disturbance_is_called_by_its_name_once_it_stays(
    street: Street, followed: Followed, name: str, disturb: Disturb
) -> None:
    said = followed([disturb(street(LEARNED + number)) for number in range(SAID_AFTER)])

    assert said == [()] * (SAID_AFTER - 1) + [(PictureFault(name),)]


def test_a_good_picture_is_never_called_anything(street: Street, followed: Followed) -> None:
    assert set(followed([street(number) for number in range(LEARNED, LEARNED + 12)])) == {()}


def test_a_darker_or_brighter_hour_is_no_fault(street: Street, followed: Followed) -> None:
    dusk = [exposed(0.45)(street(number)) for number in range(LEARNED, LEARNED + 5)]
    noon = [exposed(1.3, 10)(street(number)) for number in range(LEARNED, LEARNED + 5)]

    assert set(followed(dusk + noon)) == {()}


def test_one_odd_picture_says_nothing(street: Street, followed: Followed) -> None:
    good, odd = street(LEARNED), black(street(LEARNED))

    assert set(followed([odd, good, odd, odd, street(LEARNED + 1), odd])) == {()}


def test_a_fault_ends_when_it_stays_away(street: Street, followed: Followed) -> None:
    dark = [black(street(LEARNED))] * SAID_AFTER
    said = followed([*dark, *(street(LEARNED + number) for number in range(GONE_AFTER))])

    assert said[SAID_AFTER - 1 :] == [(PictureFault.BLACK,)] * GONE_AFTER + [()]


def with_clock(picture: Picture, second: int) -> Picture:
    """Return the picture with the clock that cameras write into a corner."""
    shown = picture.copy()
    cv2.putText(shown, f"2026-01-01 00:00:{second:02}", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    return shown


def test_a_picture_in_which_only_the_clock_goes_on_is_frozen(street: Street, followed: Followed) -> None:
    said = followed([with_clock(street(LEARNED), second) for second in range(FROZEN_AFTER + 1)])

    assert said[-2:] == [(), (PictureFault.FROZEN,)]


def test_a_still_scene_with_the_least_noise_is_not_frozen(street: Street, followed: Followed) -> None:
    noise = np.random.default_rng(9)
    still = street(LEARNED)
    quiet = [np.clip(still + noise.normal(0, 0.5, still.shape), 0, 255).astype(np.uint8) for _ in range(10)]

    assert set(followed(quiet)) == {()}


def test_a_turned_camera_that_is_left_so_is_taken_for_right_after_half_an_hour(street: Street) -> None:
    watch = Watch()
    for number in range(LEARNED):
        watch.look(street(number), START + number * EVERY)
    turn, at = turned(across=0.3, degrees=5), START + LEARNED * EVERY
    said: list[tuple[PictureFault, ...]] = []
    while at < START + ADOPTED_AFTER + timedelta(minutes=10):
        said.append(watch.look(turn(street(len(said) % 8)), at).faults)
        at += 6 * EVERY

    assert said[SAID_AFTER] == (PictureFault.MOVED,)
    assert said[-1] == ()


def test_a_camera_that_is_turned_on_purpose_has_no_wrong_scene(street: Street) -> None:
    watch = Watch(can_turn=True)
    for number in range(LEARNED):
        watch.look(street(number), START + number * EVERY)
    said = [watch.look(turned(across=0.3)(street(number)), START).faults for number in range(SAID_AFTER + 1)]

    assert set(said) == {()}


def test_the_grey_pictures_of_the_night_are_another_scene_and_no_moved_one(street: Street, followed: Followed) -> None:
    def infrared(picture: Picture) -> Picture:
        grey = cv2.cvtColor(255 - picture // 2, cv2.COLOR_BGR2GRAY)
        return np.dstack([grey] * 3).astype(np.uint8)

    assert set(followed([infrared(street(LEARNED + number)) for number in range(8)])) == {()}


@pytest.mark.parametrize(
    ("disturb", "expected"),
    [
        (lambda picture: picture, ()),
        (black, (PictureFault.BLACK,)),
        (blurred(0.01), (PictureFault.BLURRED,)),
        (covered(4.0), (PictureFault.COVERED,)),
        (exposed(3.0, 40), (PictureFault.TOO_BRIGHT,)),
        (turned(across=0.3), ()),
    ],
)
def test_a_first_look_says_what_one_picture_shows(
    street: Street, disturb: Disturb, expected: tuple[PictureFault, ...]
) -> None:
    assert first_look(disturb(street(0))) == expected


@pytest.mark.parametrize("shape", [(2, 2, 3), (16, 4096, 3), (1080, 1920, 3), (240, 320, 3)])
def test_pictures_of_every_size_are_looked_at(shape: tuple[int, int, int]) -> None:
    noise: Picture = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)

    assert PictureFault.BLACK not in first_look(noise)
