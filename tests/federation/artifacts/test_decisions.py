import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.artifacts import ArtifactManifest, BadBitmap, Bitmap, ByteRange, Unsatisfiable, asked_range
from federation.artifacts.choosing import (
    LONGEST_TURN_S,
    TURN_S,
    Kept,
    expendable,
    hub_after_s,
    next_chunk,
    reusable,
    space_lacking_bytes,
)
from federation.artifacts.pace import Bucket

CHANCE = random.Random(1)  # noqa: S311 - a test repeats itself
ETAG = '"sha256:00"'


def manifest(*chunks: str, digest: str = "0", last_bytes: int = 1024) -> ArtifactManifest:
    names = tuple(f"{ord(chunk):064x}" for chunk in chunks)
    return ArtifactManifest(
        digest=f"sha256:{digest * 64}",
        size_bytes=1024 * (len(chunks) - 1) + last_bytes,
        chunk_bytes=1024,
        kind="dataset",
        name="street",
        sha256=names,
        sm3=names,
    )


@given(st.integers(1, 70), st.data())
def test_a_bitmap_has_exactly_what_was_added(count: int, data: st.DataObject) -> None:
    added = data.draw(st.sets(st.integers(0, count - 1)))
    bitmap = Bitmap.empty(count)
    for index in added:
        bitmap = bitmap.adding(index)

    assert set(range(count)) - set(bitmap.missing()) == added
    assert (bitmap.held, bitmap.is_full) == (len(added), len(added) == count)
    assert Bitmap.read(count, bitmap.bits) == bitmap
    assert Bitmap.full(count).held == count


def test_a_bitmap_forgets_one_chunk() -> None:
    assert list(Bitmap.full(9).without(8).missing()) == [8]


@pytest.mark.parametrize(("count", "content"), [(8, b""), (8, b"\0\0"), (9, b"\xff"), (9, b"\xff\xff"), (3, b"\x10")])
def test_bytes_of_another_shape_are_no_bitmap(count: int, content: bytes) -> None:
    with pytest.raises(BadBitmap):
        Bitmap.read(count, content)


def test_a_source_is_asked_for_what_it_has_what_nobody_fetches_and_nobody_cheaper_has() -> None:
    held = Bitmap.empty(6).adding(0)
    offered = Bitmap.full(6).without(1)
    cheaper = Bitmap.empty(6).adding(3)

    chosen = {next_chunk(held, busy={2}, offered=offered, elsewhere=[cheaper], chance=CHANCE) for _ in range(50)}

    assert chosen == {4, 5}
    assert next_chunk(Bitmap.full(6), busy=(), offered=None, elsewhere=(), chance=CHANCE) is None


def test_equal_chunks_of_an_older_version_are_found_wherever_they_lie() -> None:
    old = manifest("a", "b", "c", digest="1")
    new = manifest("c", "x", "a", digest="2")

    assert reusable(new, [old]) == {0: (old.digest, 2), 2: (old.digest, 0)}


def test_a_last_chunk_is_reused_only_with_its_length() -> None:
    old = manifest("a", "b", digest="1", last_bytes=10)
    new = manifest("a", "b", digest="2")

    assert reusable(new, [old]) == {0: (old.digest, 0)}


def test_one_box_of_a_site_asks_the_hub_at_once_and_the_others_in_turn() -> None:
    boxes = [f"box-{number}" for number in range(100)]

    turns = sorted(hub_after_s(box, boxes, "sha256:a") for box in boxes)

    assert turns[:4] == [0, TURN_S, 2 * TURN_S, 3 * TURN_S]
    assert turns[-1] == LONGEST_TURN_S
    firsts = {min(boxes, key=lambda box: hub_after_s(box, boxes, f"sha256:{n}")) for n in range(20)}
    assert len(firsts) > 5


@pytest.mark.parametrize(
    ("held_bytes", "free_bytes", "lacking_bytes"),
    [(0, 199, 1), (0, 200, 0), (60, 140, 0), (60, 100, 40), (100, 100, 0)],
)
def test_twice_the_size_must_be_free_counting_what_is_here(
    held_bytes: int, free_bytes: int, lacking_bytes: int
) -> None:
    assert space_lacking_bytes(size_bytes=100, held_bytes=held_bytes, free_bytes=free_bytes) == lacking_bytes


def test_what_is_wanted_never_goes_and_what_a_delta_needs_goes_last() -> None:
    def kept(digest: str, name: str, used_at: float) -> Kept:
        return Kept(digest=digest, kind="dataset", name=name, size_bytes=1, used_at=used_at)

    items = [kept("wanted", "a", 0), kept("base", "b", 1), kept("newer", "c", 3), kept("older", "c", 2)]

    order = expendable(items, wanted={"wanted"}, bases={("dataset", "b")})

    assert [item.digest for item in order] == ["older", "newer", "base"]


def test_a_bucket_lets_no_more_than_its_rate_pass() -> None:
    bucket, now_s, passed = Bucket(rate_bytes=1000), 0.0, 0
    for _ in range(20):
        bucket = bucket.taken(500, now_s)
        now_s += bucket.pause_s
        passed += 500

    assert now_s == pytest.approx(passed / 1000)


def test_a_bucket_that_rested_gives_a_second_at_once_and_no_more() -> None:
    rested = Bucket(rate_bytes=1000).taken(0, 3600.0)

    assert rested.taken(1000, 3600.0).pause_s == 0
    assert rested.taken(1500, 3600.0).pause_s == 0.5


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 10),
        ("bytes=90-", 90, 10),
        ("bytes=90-500", 90, 10),
        ("bytes=-10", 90, 10),
        ("bytes=-500", 0, 100),
        (" bytes=0-99 ", 0, 100),
    ],
)
def test_a_single_range_is_found(header: str, start: int, length: int) -> None:
    found = asked_range(header=header, if_range=None, etag=ETAG, size_bytes=100)

    assert found == ByteRange(start_bytes=start, length_bytes=length, size_bytes=100)
    assert found.content_range == f"bytes {start}-{start + length - 1}/100"


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=1.5-2"],
)
def test_what_is_no_single_range_asks_for_the_whole(header: str | None) -> None:
    assert asked_range(header=header, if_range=None, etag=ETAG, size_bytes=100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999-"])
def test_a_range_outside_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        asked_range(header=header, if_range=None, etag=ETAG, size_bytes=100)


@pytest.mark.parametrize(
    ("if_range", "is_part"), [(ETAG, True), ('"sha256:11"', False), ("Wed, 21 Oct 2015 07:28:00 GMT", False)]
)
def test_a_range_of_another_representation_gives_the_whole(if_range: str, *, is_part: bool) -> None:
    found = asked_range(header="bytes=0-0", if_range=if_range, etag=ETAG, size_bytes=100)

    assert (found is not None) is is_part


@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9-]{0,20}", fullmatch=True), st.integers(1, 10**12))
def test_any_range_lies_within_the_file_or_is_refused(header: str, size_bytes: int) -> None:
    try:
        found = asked_range(header=header, if_range=None, etag=ETAG, size_bytes=size_bytes)
    except Unsatisfiable:
        return
    if found is not None:
        assert 0 <= found.start_bytes < found.start_bytes + found.length_bytes <= size_bytes
