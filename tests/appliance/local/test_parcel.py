"""Events in one body: what is packed comes out, and what is no parcel is refused."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.local import LocalEvent, LocalPicture
from appliance.local.parcel import MOST_EVENTS, MOST_PICTURES, BadParcel, Outgoing, pack, unpack
from federation.messages import new_id


def outgoing(*pictures: bytes) -> Outgoing:
    now = datetime.now(UTC)
    event = LocalEvent(
        id=new_id(),
        type="intrusion/物体",
        time=now,
        detected_at=now,
        point_id="gate",
        task_id="t1",
        generation=1,
        algorithm_id="a",
        algorithm_version="1",
        score=0.5,
        pictures=tuple(LocalPicture(width_px=64, height_px=36) for _ in pictures),
    )
    return Outgoing(event=event, pictures=list(pictures))


@given(st.lists(st.lists(st.binary(min_size=1, max_size=50), max_size=MOST_PICTURES), min_size=1, max_size=6))
def test_what_is_packed_comes_out(pictures: list[list[bytes]]) -> None:
    parcel = [outgoing(*own) for own in pictures]

    assert [arrived.checked() for arrived in unpack(pack(parcel))] == parcel


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused_with_one_sentence(body: bytes) -> None:
    with pytest.raises(BadParcel):
        unpack(body)


@pytest.mark.parametrize("changed", [slice(0, -1), slice(1, None)])
def test_a_parcel_that_was_cut_is_refused(changed: slice) -> None:
    with pytest.raises(BadParcel):
        unpack(pack([outgoing(b"picture")])[changed])


@pytest.mark.parametrize(
    ("events", "pictures", "kept"),
    [(MOST_EVENTS, 0, True), (MOST_EVENTS + 1, 0, False), (1, MOST_PICTURES, True), (1, MOST_PICTURES + 1, False)],
)
def test_a_parcel_has_so_many_events_and_pictures_at_most(events: int, pictures: int, *, kept: bool) -> None:
    body = pack([outgoing(*([b"p"] * pictures)) for _ in range(events)])

    if kept:
        assert len(unpack(body)) == events
    else:
        with pytest.raises(BadParcel):
            unpack(body)


def test_a_header_that_names_other_sizes_is_refused() -> None:
    header = b'{"events":[{}],"sizes":[[3]]}'

    with pytest.raises(BadParcel, match="sizes"):
        unpack(struct.pack("!I", len(header)) + header + b"ab")
