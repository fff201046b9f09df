"""A parcel 交换包: one file that crosses a border, signed by its sender and sealed for its receiver.

Layout: `FSX1` and a line feed; length of the header (2 bytes, big-endian); header (JSON); length of the signature
(1 byte); signature (SM2 with SM3, GB/T 32918.2) over everything before it; the sealed content to the end of the file
(SM2, SM4 in counter mode, HMAC-SM3). The header names the SM3 digest of the sealed content, so that the signature
covers every byte, and is checked before any of them is unsealed or unpacked.

In the clear stands what carrying the file takes: who sent it to whom, when, its number, its kind and its size.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Literal

from pydantic import AwareDatetime, Field, ValidationError

from federation.crypto import BadSealed, PublicKey, SigningKey, seal, sm3_hex, unseal
from federation.exchange.contents import CONTENT_LIMIT_BYTES, Item, pack, unpack
from federation.exchange.errors import Refusal, Refused
from federation.messages import Slug
from federation.messages.wire import WireModel

MAGIC = b"FSX1\n"
SUFFIX = ".fsx"
HEADER_LIMIT_BYTES = 2048
SIGNATURE_LIMIT_BYTES = 80
SEALED_LIMIT_BYTES = CONTENT_LIMIT_BYTES + 1024
FILE_LIMIT_BYTES = len(MAGIC) + 2 + HEADER_LIMIT_BYTES + 1 + SIGNATURE_LIMIT_BYTES + SEALED_LIMIT_BYTES
HIGHEST_SERIAL = 10**12 - 1


class ParcelKind(StrEnum):
    """What a parcel holds: messages of custody and state, or evidence pictures."""

    MESSAGES = "messages"
    PICTURES = "pictures"


class Header(WireModel):
    """What stands in the clear. `serial` counts the parcels of one direction within `stream`, from 1 on.

    A sender whose counter is made anew begins a new stream, so that a number is never used twice.
    """

    version: Literal[1] = 1
    sender: Slug
    receiver: Slug
    stream: str = Field(min_length=1, max_length=64, pattern=r"^[0-9a-z-]+$")
    serial: int = Field(ge=1, le=HIGHEST_SERIAL)
    kind: ParcelKind
    created_at: AwareDatetime
    sealed_bytes: int = Field(ge=1, le=SEALED_LIMIT_BYTES)
    sealed_sm3: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A parcel that was made, or that came and was checked."""

    header: Header
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Address:
    """From whom to whom, and under which number."""

    sender: str
    receiver: str
    stream: str
    serial: int


def file_name(sender: str, receiver: str, serial: int) -> str:
    """Return the name of a parcel's file: letters, digits, dot, underscore and hyphen only."""
    return f"{sender}.to.{receiver}.{serial:012d}{SUFFIX}"


def serial_of(name: str, sender: str, receiver: str) -> int | None:
    """Return the number that stands in the name of a parcel from one to the other, None for another name."""
    digits = name.removeprefix(f"{sender}.to.{receiver}.").removesuffix(SUFFIX)
    if len(digits) != 12 or not digits.isdecimal() or not digits.isascii():
        return None
    serial = int(digits)
    return serial if name == file_name(sender, receiver, serial) else None


def make_parcel(
    address: Address,
    items: Iterable[Item],
    *,
    kind: ParcelKind,
    created_at: datetime,
    key: SigningKey,
    receiver_key: PublicKey,
) -> bytes:
    """Return the bytes of the file; raise Oversized if the receiver would not take so much."""
    sealed = seal(receiver_key, pack(items, compress=kind is ParcelKind.MESSAGES))
    header = Header(
        sender=address.sender,
        receiver=address.receiver,
        stream=address.stream,
        serial=address.serial,
        kind=kind,
        created_at=created_at,
        sealed_bytes=len(sealed),
        sealed_sm3=sm3_hex(sealed),
    ).to_bytes()
    signed = MAGIC + len(header).to_bytes(2) + header
    signature = key.sign(signed)
    return signed + len(signature).to_bytes(1) + signature + sealed


def open_parcel(
    file: BinaryIO,
    *,
    name: str,
    size_bytes: int,
    receiver: str,
    key: SigningKey,
    sender_key: Callable[[str], PublicKey | None],
    is_taken: Callable[[Header], bool],
) -> Parcel:
    """Read a parcel of the name and size; blocks. Raises Refused for whatever is wrong, and then nothing was used.

    `sender_key` gives the key of an enrolled sender; `is_taken` tells whether the number was taken before.
    """
    if size_bytes > FILE_LIMIT_BYTES:
        raise Refused(Refusal.TOO_LARGE, f"a parcel has at most {FILE_LIMIT_BYTES} bytes, this file {size_bytes}")
    header, signed, signature = _read_head(file)
    _check_address(header, name=name, receiver=receiver)
    known = sender_key(header.sender)
    if known is None:
        raise Refused(Refusal.UNKNOWN_SENDER, f"{header.sender!r} is not enrolled for file exchange here")
    if not known.verify(signed, signature):
        raise Refused(Refusal.WRONG_SIGNATURE, f"it was not signed by the key of {header.sender!r}")
    if is_taken(header):
        raise Refused(Refusal.REPLAYED, f"number {header.serial} of {header.sender!r} was taken before")
    sealed = _read_sealed(file, header)
    try:
        return Parcel(header=header, items=unpack(unseal(key, sealed)))
    except BadSealed as error:
        raise Refused(Refusal.UNREADABLE, f"it cannot be unsealed by this receiver's key: {error}") from error


def _read_head(file: BinaryIO) -> tuple[Header, bytes, bytes]:
    """Return the header, what was signed, and the signature."""
    if _exactly(file, len(MAGIC)) != MAGIC:
        raise Refused(Refusal.FOREIGN, "it does not begin as a parcel does")
    length = _exactly(file, 2)
    size = int.from_bytes(length)
    if not 0 < size <= HEADER_LIMIT_BYTES:
        raise Refused(Refusal.MALFORMED, f"its header has {size} bytes instead of 1 to {HEADER_LIMIT_BYTES}")
    text = _exactly(file, size)
    size = int.from_bytes(_exactly(file, 1))
    if not 0 < size <= SIGNATURE_LIMIT_BYTES:
        raise Refused(Refusal.MALFORMED, f"its signature has {size} bytes instead of 1 to {SIGNATURE_LIMIT_BYTES}")
    return _read_header(text), MAGIC + length + text, _exactly(file, size)


def _read_header(text: bytes) -> Header:
    try:
        return Header.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        fields = ".".join(map(str, first["loc"]))
        reason = Refusal.UNKNOWN_VERSION if fields == "version" else Refusal.MALFORMED
        raise Refused(reason, f"its header is not one that is known here: {fields}: {first['msg']}") from error


def _check_address(header: Header, *, name: str, receiver: str) -> None:
    if header.receiver != receiver:
        raise Refused(Refusal.WRONG_RECEIVER, f"it is for {header.receiver!r}, this is {receiver!r}")
    expected = file_name(header.sender, header.receiver, header.serial)
    if name != expected:
        raise Refused(Refusal.RENAMED, f"its header says that it was named {expected}")


def _read_sealed(file: BinaryIO, header: Header) -> bytes:
    sealed = _exactly(file, header.sealed_bytes)
    if file.read(1):
        raise Refused(Refusal.MALFORMED, "bytes follow after its end")
    if sm3_hex(sealed) != header.sealed_sm3:
        raise Refused(Refusal.DAMAGED, "its content is not what was signed")
    return sealed


def _exactly(file: BinaryIO, count: int) -> bytes:
    found = file.read(count)
    if len(found) < count:
        raise Refused(Refusal.TRUNCATED, "its end is missing")
    return found
