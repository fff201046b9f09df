"""Joining what a search finds: segments that come the latest first."""

from appliance.playback.search import LONGEST_FOUND_US, Piece, joined_back
from appliance.recording.index import GAP_US

MINUTE_US = 60_000_000


def piece(number: int, start_us: int, *, lasts_us: int = MINUTE_US, kind: str = "planned") -> Piece:
    return Piece(id=number, start_us=start_us, end_us=start_us + lasts_us, kind=kind)


def joined(*pieces: Piece) -> list[tuple[int, int, int]]:
    """Return id, start and end of what comes of pieces, which are given the earliest first."""
    return [(item.id, item.start_us, item.end_us) for item in joined_back(reversed(pieces))]


def test_what_follows_on_is_one_stretch_and_a_gap_parts_it() -> None:
    next_us, parted_us = MINUTE_US + GAP_US, 2 * MINUTE_US + 2 * GAP_US + 1
    pieces = [piece(1, 0), piece(2, next_us), piece(3, parted_us)]

    assert joined(*pieces) == [(3, parted_us, parted_us + MINUTE_US), (1, 0, next_us + MINUTE_US)]


def test_another_kind_parts_a_stretch() -> None:
    found = joined(piece(1, 0), piece(2, MINUTE_US, kind="event"), piece(3, 2 * MINUTE_US))

    assert [number for number, _, _ in found] == [3, 2, 1]


def test_a_piece_within_another_lengthens_nothing() -> None:
    assert joined(piece(1, 0, lasts_us=10 * MINUTE_US), piece(2, MINUTE_US)) == [(1, 0, 10 * MINUTE_US)]


def test_a_stretch_of_a_day_is_whole_and_a_longer_one_comes_in_parts() -> None:
    minutes = LONGEST_FOUND_US // MINUTE_US
    day = [piece(number + 1, number * MINUTE_US) for number in range(minutes + 1)]

    assert joined(*day[:-1]) == [(1, 0, LONGEST_FOUND_US)]
    assert joined(*day) == [(2, MINUTE_US, LONGEST_FOUND_US + MINUTE_US), (1, 0, MINUTE_US)]


def test_nothing_is_joined_to_nothing() -> None:
    assert joined() == []
