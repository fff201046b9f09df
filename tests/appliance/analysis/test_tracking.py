"""The tracker on planted tracks: occlusion, crossing, noise, rare pictures, and no input that it fails on."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analysis.tracking import Tracker, Tracks
from federation.messages import Box, Detection

START = datetime(2026, 1, 1, tzinfo=UTC)
TRACKER = Tracker()


def person(x: float, y: float = 0.5, *, score: float = 0.9, width: float = 0.03, height: float = 0.12) -> Detection:
    box = Box(x=max(0.0, x - width / 2), y=max(0.0, y - height / 2), width=width, height=height)
    return Detection(label="person", score=score, box=box)


def numbers(pictures: list[list[Detection]], *, fps: float = 10.0) -> list[list[int | None]]:
    """Return the number of the track of every detection, picture by picture."""
    tracks, told = TRACKER.begin(), []
    for index, found in enumerate(pictures):
        tracks = TRACKER.step(tracks, found, START + timedelta(seconds=index / fps))
        told.append([int(tracks.number[row]) if row >= 0 else None for row in tracks.of])
    return told


def test_a_walker_keeps_the_number_behind_a_pole() -> None:
    path = [person(0.2 + 0.01 * index) for index in range(40)]
    pictures = [[] if 15 <= index < 25 else [found] for index, found in enumerate(path)]

    assert {number for picture in numbers(pictures) for number in picture} == {1}


def test_two_who_cross_keep_their_numbers() -> None:
    pictures = [[person(0.3 + 0.008 * index, 0.5), person(0.7 - 0.008 * index, 0.53)] for index in range(50)]

    told = numbers(pictures)

    assert told[0] == [1, 2]
    assert told[-1] == [1, 2]


def test_the_order_of_detections_does_not_matter() -> None:
    pictures = [[person(0.3 + 0.004 * index), person(0.6)][:: 1 if index % 2 else -1] for index in range(20)]

    told = numbers(pictures)

    assert {tuple(picture) for picture in told[::2]} == {tuple(told[0])}
    assert {tuple(picture) for picture in told[1::2]} == {tuple(told[1])}


def test_a_weak_detection_continues_a_track_and_begins_none() -> None:
    assert numbers([[person(0.3)], [person(0.305, score=0.2)], [person(0.31)]]) == [[1], [1], [1]]
    assert numbers([[person(0.3, score=0.2)]] * 3) == [[None]] * 3


def test_who_is_gone_for_longer_comes_back_as_another() -> None:
    pictures = [[person(0.3)]] * 3 + [[]] * 30 + [[person(0.3)]]

    assert numbers(pictures)[-1] == [2]


@pytest.mark.parametrize("fps", [1.0, 2.0, 25.0])
def test_a_walker_keeps_the_number_at_any_rate_of_pictures(fps: float) -> None:
    """1.4 m/s, a person of 1.7 m being 0.12 of the picture's height: 0.056 of its width a second."""
    pictures = [[person(0.1 + 0.056 / fps * index)] for index in range(int(12 * fps))]

    assert {number for picture in numbers(pictures, fps=fps) for number in picture} == {1}


def test_a_step_leaves_the_tracks_before_it_as_they_were() -> None:
    first = TRACKER.step(TRACKER.begin(), [person(0.3), person(0.6)], START)
    before = first.motion.place.copy()

    TRACKER.step(first, [person(0.31)], START + timedelta(seconds=0.1))

    assert np.array_equal(first.motion.place, before)
    assert first.missed.tolist() == [0, 0]


BOXES = st.builds(
    lambda x, y, w, h, score: Detection(label="x", score=score, box=Box(x=x, y=y, width=w, height=h)),
    *[st.floats(0, 1)] * 5,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(BOXES, max_size=6), st.floats(-5, 1e6)), max_size=8))
def test_whatever_is_seen_and_however_the_clock_jumps_every_strong_box_has_one_track(
    pictures: list[tuple[list[Detection], float]],
) -> None:
    tracks: Tracks = TRACKER.begin()
    at = START
    for found, pause_s in pictures:
        at += timedelta(seconds=pause_s)
        tracks = TRACKER.step(tracks, found, at)
        given_rows = tracks.of[tracks.of >= 0].tolist()

        assert len(given_rows) == len(set(given_rows))
        assert all(row >= 0 for row, item in zip(tracks.of, found, strict=True) if item.score >= TRACKER.strong)
        assert np.isfinite(tracks.motion.place).all()
