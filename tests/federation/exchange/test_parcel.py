"""Parcels: what one side makes the other reads, and nothing else is read."""

import io
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.crypto import PublicKey, SigningKey, seal, sm3_hex
from federation.exchange import Address, Header, Item, Parcel, ParcelKind, Refusal, Refused, file_name, make_parcel
from federation.exchange.contents import (
    CONTENT_LIMIT_BYTES,
    ITEM_LIMIT,
    LONGEST_KIND,
    RATIO_FREE_BYTES,
    pack,
    unpack,
)
from federation.exchange.errors import Oversized
from federation.exchange.parcel import FILE_LIMIT_BYTES, HEADER_LIMIT_BYTES, MAGIC, open_parcel

NAME = "gate-1.to.district.000000000007.fsx"
ITEMS = (Item("u/hello", b'{"base": 1}'), Item("u/b/events", b'{"rows": []}' * 40), Item("picture/x", b"\xff\xd8" * 9))


@cache
def sender_key() -> SigningKey:
    return SigningKey.generate()


@cache
def receiver_key() -> SigningKey:
    return SigningKey.generate()


def made(
    items: tuple[Item, ...] = ITEMS,
    *,
    serial: int = 7,
    signer: SigningKey | None = None,
    recipient: PublicKey | None = None,
) -> bytes:
    return make_parcel(
        Address(sender="gate-1", receiver="district", stream="s1", serial=serial),
        items,
        kind=ParcelKind.MESSAGES,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        key=signer or sender_key(),
        receiver_key=recipient or receiver_key().public,
    )


def read(content: bytes, *, name: str = NAME, receiver: str = "district", taken: tuple[int, ...] = ()) -> Parcel:
    return open_parcel(
        io.BytesIO(content),
        name=name,
        size_bytes=len(content),
        receiver=receiver,
        key=receiver_key(),
        sender_key=lambda sender: sender_key().public if sender == "gate-1" else None,
        is_taken=lambda header: header.serial in taken,
    )


def refusal(content: bytes, **more: object) -> Refusal:
    with pytest.raises(Refused) as refused:
        read(content, **more)  # type: ignore[arg-type]
    return refused.value.reason


def outcome(work: Callable[[], tuple[Item, ...]]) -> tuple[Item, ...] | Refusal:
    try:
        return work()
    except Refused as refused:
        return refused.reason


def with_header(**changes: object) -> bytes:
    """A parcel whose header was changed and signed again by the true sender."""
    sealed = seal(receiver_key().public, pack(ITEMS, compress=True))
    header = Header(
        sender="gate-1",
        receiver="district",
        stream="s1",
        serial=7,
        kind=ParcelKind.MESSAGES,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        sealed_bytes=len(sealed),
        sealed_sm3=sm3_hex(sealed),
    )
    return assembled(header.model_copy(update=changes).to_bytes(), sealed)


def assembled(header: bytes, sealed: bytes) -> bytes:
    signed = MAGIC + len(header).to_bytes(2) + header
    signature = sender_key().sign(signed)
    return signed + len(signature).to_bytes(1) + signature + sealed


def sealed_content(content: bytes) -> bytes:
    """A signed parcel whose sealed bytes unseal to `content`."""
    sealed = seal(receiver_key().public, content)
    return with_header(sealed_bytes=len(sealed), sealed_sm3=sm3_hex(sealed)).partition(b"FSS1")[0] + sealed


@given(
    items=st.lists(
        st.builds(Item, st.text("abc/_0", min_size=1, max_size=LONGEST_KIND), st.binary(max_size=2000)), max_size=30
    ).map(tuple)
)
@settings(max_examples=50, deadline=None)
def test_what_one_side_makes_the_other_reads(items: tuple[Item, ...]) -> None:
    parcel = read(made(items))

    assert parcel.items == items
    assert (parcel.header.sender, parcel.header.serial, parcel.header.kind) == ("gate-1", 7, "messages")


def test_nothing_of_the_content_stands_in_the_clear() -> None:
    content = made((Item("u/b/events", b"area_intrusion at the north gate"),))

    assert b"intrusion" not in content
    assert b"u/b/events" not in content


def test_its_name_carries_sender_receiver_and_number() -> None:
    assert file_name("gate-1", "district", 7) == NAME


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Refusal.TRUNCATED),
        (b"FSX", Refusal.TRUNCATED),
        (b"PK\x03\x04 a zip file", Refusal.FOREIGN),
        (b"\x00" * 5000, Refusal.FOREIGN),
        (MAGIC + b"\x00\x00", Refusal.MALFORMED),
        (MAGIC + (HEADER_LIMIT_BYTES + 1).to_bytes(2), Refusal.MALFORMED),
        (MAGIC + b"\x00\x02{}\x01s", Refusal.MALFORMED),
        (MAGIC + b"\x00\x02{}\x00", Refusal.MALFORMED),
        (MAGIC + b"\x00\x02{}\xff", Refusal.MALFORMED),
    ],
)
def test_what_is_no_parcel_is_refused_by_what_it_is(content: bytes, reason: Refusal) -> None:
    assert refusal(content) is reason


def test_every_beginning_of_a_parcel_is_truncated_and_nothing_else() -> None:
    whole = made((Item("u/hello", b"{}"),))

    reasons = {refusal(whole[:length]) for length in range(len(whole))}

    assert reasons == {Refusal.TRUNCATED}


def test_bytes_after_the_end_are_refused() -> None:
    assert refusal(made() + b"x") is Refusal.MALFORMED


def test_a_renamed_parcel_is_refused() -> None:
    assert refusal(made(), name=file_name("gate-1", "district", 8)) is Refusal.RENAMED


def test_a_parcel_for_another_is_refused() -> None:
    assert refusal(made(), receiver="city") is Refusal.WRONG_RECEIVER


def test_a_parcel_of_a_stranger_is_refused() -> None:
    name = file_name("stranger", "district", 7)
    assert refusal(with_header(sender="stranger"), name=name) is Refusal.UNKNOWN_SENDER


def test_a_parcel_signed_by_another_key_is_refused() -> None:
    assert refusal(made(signer=SigningKey.generate())) is Refusal.WRONG_SIGNATURE


def test_a_parcel_sealed_for_another_key_is_refused() -> None:
    assert refusal(made(recipient=SigningKey.generate().public)) is Refusal.UNREADABLE


def test_a_number_that_was_taken_is_refused() -> None:
    assert refusal(made(), taken=(7,)) is Refusal.REPLAYED
    assert read(made(), taken=(6, 8)).header.serial == 7


def test_a_later_version_says_so() -> None:
    assert refusal(with_header(version=2)) is Refusal.UNKNOWN_VERSION


def test_a_field_that_this_version_does_not_know_is_no_fault() -> None:
    assert read(with_header(priority="high")).items == ITEMS


def test_a_file_beyond_the_limit_is_not_read() -> None:
    class Untouchable(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError

    with pytest.raises(Refused) as refused:
        open_parcel(
            Untouchable(),
            name=NAME,
            size_bytes=FILE_LIMIT_BYTES + 1,
            receiver="district",
            key=receiver_key(),
            sender_key=lambda _: sender_key().public,
            is_taken=lambda _: False,
        )
    assert refused.value.reason is Refusal.TOO_LARGE


def test_a_header_that_promises_more_than_the_limit_is_refused_before_anything_is_read() -> None:
    assert refusal(with_header(sealed_bytes=FILE_LIMIT_BYTES)) is Refusal.MALFORMED


def test_ten_thousand_changed_parcels_are_refused() -> None:
    whole, chance = bytearray(made()), random.Random(20260102)  # noqa: S311 - repeatable
    for _ in range(10_000):
        place, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
        whole[place] ^= bit

        assert refusal(bytes(whole)) in set(Refusal)

        whole[place] ^= bit
    assert read(bytes(whole)).items == ITEMS


@given(content=st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_signed_content_of_any_bytes_is_read_or_refused(content: bytes) -> None:
    assert outcome(lambda: read(sealed_content(content)).items) == outcome(lambda: unpack(content))


@given(content=st.binary(max_size=600), cut=st.integers(0, 600))
@settings(max_examples=200, deadline=None)
def test_damaged_compression_is_refused(content: bytes, cut: int) -> None:
    packed = b"z" + zlib.compress(content)
    damaged = packed[:cut] + b"\x55" + packed[cut:]

    assert outcome(lambda: unpack(damaged)) in {Refusal.MALFORMED, Refusal.BOMB}


def test_a_bomb_is_refused_while_it_unpacks() -> None:
    bomb = b"z" + zlib.compress(b"\x00" * (CONTENT_LIMIT_BYTES + 1), 9)

    assert refusal(sealed_content(bomb)) is Refusal.BOMB


def test_a_bomb_below_the_size_limit_is_refused_for_its_ratio() -> None:
    bomb = b"z" + zlib.compress(b"\x00" * 8 * RATIO_FREE_BYTES, 9)

    assert refusal(sealed_content(bomb)) is Refusal.BOMB


def test_what_compresses_too_well_is_stored_so_that_the_other_side_takes_it() -> None:
    items = (Item("u/b/events", b"\x20" * 8 * RATIO_FREE_BYTES),)

    assert unpack(pack(items, compress=True)) == items


def test_the_largest_content_passes_and_one_byte_more_does_not() -> None:
    overhead = 1 + len("picture/x") + 4
    largest = bytes(CONTENT_LIMIT_BYTES - overhead)

    assert unpack(pack([Item("picture/x", largest)], compress=False))[0].body == largest
    with pytest.raises(Oversized):
        pack([Item("picture/x", largest + b"x")], compress=False)


def test_the_most_items_pass_and_one_more_does_not() -> None:
    most = [Item("a", b"")] * ITEM_LIMIT

    assert len(unpack(pack(most, compress=True))) == ITEM_LIMIT
    with pytest.raises(Oversized):
        pack([*most, Item("a", b"")], compress=True)
    with pytest.raises(Refused):
        unpack(b"s" + b"\x01a\x00\x00\x00\x00" * (ITEM_LIMIT + 1))
