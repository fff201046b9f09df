"""Which parcels of a sender were taken."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from federation.exchange import Header, ParcelKind
from federation.exchange.inbound import MOST_STREAMS, Inbound
from federation.exchange.words import MOST_SPANS

START = datetime(2026, 1, 1, tzinfo=UTC)


def header(serial: int, stream: str = "s1", *, after_s: float = 0.0) -> Header:
    return Header(
        sender="a",
        receiver="b",
        stream=stream,
        serial=serial,
        kind=ParcelKind.MESSAGES,
        created_at=START + timedelta(seconds=after_s),
        sealed_bytes=1,
        sealed_sm3="0" * 64,
    )


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["s1", "s2"])), max_size=40))
def test_a_number_of_a_stream_is_taken_once(parcels: list[tuple[int, str]]) -> None:
    inbound, taken = Inbound(), set[tuple[int, str]]()
    for serial, stream in parcels:
        assert inbound.is_taken(header(serial, stream)) == ((serial, stream) in taken)
        inbound = Inbound.model_validate_json(inbound.take(header(serial, stream)).model_dump_json())
        taken.add((serial, stream))

    serials = {serial for serial, _ in taken}
    missing = {number for first, last in inbound.missing() for number in range(first, last + 1)}
    assert missing == set(range(1, max(serials, default=0) + 1)) - serials


def test_news_is_what_no_newer_parcel_has_said() -> None:
    inbound = Inbound().take(header(2, after_s=10))

    assert not inbound.is_newest(header(1, after_s=9))
    assert inbound.is_newest(header(3, after_s=10))
    assert inbound.take(header(1, after_s=9)).newest_at == START + timedelta(seconds=10)


def test_what_is_remembered_is_bounded() -> None:
    inbound = Inbound()
    for number in range(MOST_SPANS + 20):
        inbound = inbound.take(header(2 * number + 1, f"s{number % (MOST_STREAMS + 5)}"))

    assert len(inbound.spans) == MOST_SPANS
    assert len(inbound.streams) == MOST_STREAMS
    assert inbound.missing()[-1] == (2 * MOST_SPANS + 38, 2 * MOST_SPANS + 38)
    assert len(inbound.to_tell(START).spans) <= MOST_SPANS
