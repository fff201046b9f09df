"""Datagrams that the network turned round, repeated or lost."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.rtp.reorder import WINDOW_PACKETS, ReorderWindow


def packet(number: int) -> bytes:
    return struct.pack(">BBHII", 0x80, 96, number & 0xFFFF, 0, 7)


def put(numbers: list[int]) -> list[int]:
    window = ReorderWindow()
    return [struct.unpack_from(">H", ready, 2)[0] for number in numbers for ready in window.put(packet(number))]


def test_packets_come_in_order_over_the_wrap() -> None:
    assert put([65534, 0, 65535, 2, 1, 3]) == [65534, 65535, 0, 1, 2, 3]


def test_repeated_and_late_packets_are_dropped() -> None:
    assert put([10, 11, 11, 10, 12, 9]) == [10, 11, 12]


def test_a_lost_packet_is_awaited_for_one_window_and_no_longer() -> None:
    numbers = [0, *range(2, WINDOW_PACKETS + 2)]

    assert put(numbers) == [0]
    assert put([*numbers, WINDOW_PACKETS + 2]) == [0, *range(2, WINDOW_PACKETS + 3)]


def test_a_camera_that_numbers_anew_is_followed() -> None:
    assert put([40_000, 40_001, 100, 101]) == [40_000, 40_001, 100, 101]


@given(st.lists(st.integers(0, 65535), max_size=300))
def test_no_numbers_fill_more_than_the_window(numbers: list[int]) -> None:
    window = ReorderWindow()

    ready = sum(len(window.put(packet(number))) for number in numbers)

    assert len(numbers) - ready >= 0
    assert len(window._held) <= WINDOW_PACKETS


@given(st.permutations(range(20)))
def test_any_order_within_the_window_is_mended(order: list[int]) -> None:
    assert put([100, *(101 + number for number in order)]) == list(range(100, 121))
