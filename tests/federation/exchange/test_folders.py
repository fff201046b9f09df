"""Folders that a border fills and empties: halves, doubles, strangers, links, full quarantines."""

import asyncio
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from federation.exchange import Header, Item, Parcel, ParcelKind, Refusal, Refused
from federation.exchange.in_folder import InFolder, read_file
from federation.exchange.out_folder import OutFolder
from federation.exchange.quarantine import Quarantine


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Receiver:
    """Reads files whose text is a number, each once; keeps what it was given."""

    def __init__(self, folder: Path, quarantine: Quarantine, clock: Clock) -> None:
        self.folder = InFolder(folder, quarantine, settle_s=10, now_s=clock)
        self.taken: list[int] = []

    def open(self, path: Path) -> Parcel:
        with read_file(path) as file:
            text = file.read(100).decode("utf-8", "replace")
        if not text.endswith("."):
            raise Refused(Refusal.TRUNCATED, "no end")
        serial = int(text[:-1])
        if serial in self.taken:
            raise Refused(Refusal.REPLAYED, "again")
        return a_parcel(serial)

    async def take(self, parcel: Parcel) -> None:
        self.taken.append(parcel.header.serial)

    async def look(self) -> list[int]:
        before = len(self.taken)
        await self.folder.look(self.open, self.take)
        return self.taken[before:]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def a_parcel(serial: int) -> Parcel:
    header = Header(
        sender="a",
        receiver="b",
        stream="s",
        serial=serial,
        kind=ParcelKind.MESSAGES,
        created_at=datetime.now(UTC),
        sealed_bytes=1,
        sealed_sm3="0" * 64,
    )
    return Parcel(header=header, items=(Item("a", b""),))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    return Quarantine(tmp_path / "quarantine", most_files=5, most_bytes=1000)


@pytest.fixture
def receiver(inside: Path, quarantine: Quarantine, clock: Clock) -> Receiver:
    return Receiver(inside, quarantine, clock)


async def test_files_are_taken_in_the_order_of_their_numbers_and_removed(inside: Path, receiver: Receiver) -> None:
    for serial in (12, 3, 100):
        (inside / f"a.to.b.{serial:012d}.fsx").write_text(f"{serial}.")

    assert await receiver.look() == [3, 12, 100]
    assert names(inside) == []


async def test_files_in_the_folders_of_several_senders_are_taken(inside: Path, receiver: Receiver) -> None:
    for sender in ("a", "c"):
        (inside / sender).mkdir()
        (inside / sender / "x.fsx").write_text("1." if sender == "a" else "2.")

    assert await receiver.look() == [1, 2]


async def test_half_a_file_waits_until_it_is_whole(inside: Path, receiver: Receiver, clock: Clock) -> None:
    path = inside / "x.fsx"
    path.write_text("4")
    assert await receiver.look() == []
    clock.now_s = 9
    assert await receiver.look() == []

    path.write_text("42.")

    assert await receiver.look() == [42]
    assert receiver.folder.refused.total() == 0


async def test_half_a_file_that_grows_slowly_is_not_set_aside(inside: Path, receiver: Receiver, clock: Clock) -> None:
    path = inside / "x.fsx"
    for length in range(1, 6):
        path.write_text("1" * length)
        clock.now_s += 9
        assert await receiver.look() == []
    path.write_text("5.")

    assert await receiver.look() == [5]


async def test_a_file_that_never_gets_whole_is_set_aside(
    inside: Path, receiver: Receiver, clock: Clock, quarantine: Quarantine
) -> None:
    (inside / "x.fsx").write_text("4")
    await receiver.look()
    clock.now_s = 10

    await receiver.look()

    assert names(inside) == []
    assert receiver.folder.refused == {Refusal.TRUNCATED: 1}
    assert await asyncio.to_thread(quarantine.held) == (1, 1)


async def test_a_file_that_came_before_is_set_aside_at_once(inside: Path, receiver: Receiver) -> None:
    (inside / "x.fsx").write_text("1.")
    await receiver.look()
    (inside / "x.fsx").write_text("1.")

    await receiver.look()

    assert receiver.taken == [1]
    assert receiver.folder.refused == {Refusal.REPLAYED: 1}


async def test_what_is_written_under_a_hidden_name_is_left_alone(
    inside: Path, receiver: Receiver, clock: Clock
) -> None:
    (inside / ".x.fsx.part").write_text("1.")
    await receiver.look()
    clock.now_s = 1000

    assert await receiver.look() == []
    assert (inside / ".x.fsx.part").exists()


async def test_links_and_special_files_are_set_aside_and_never_followed(
    inside: Path, receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("7.")
    (inside / "link.fsx").symlink_to(secret)
    os.mkfifo(inside / "pipe.fsx")
    assert await receiver.look() == []
    clock.now_s = 10

    assert await receiver.look() == []

    assert names(inside) == []
    assert secret.read_text() == "7."
    assert receiver.folder.refused == {Refusal.FOREIGN: 2}


async def test_a_folder_that_is_not_there_yet_holds_nothing(tmp_path: Path, quarantine: Quarantine) -> None:
    receiver = Receiver(tmp_path / "not-mounted", quarantine, Clock())

    assert await receiver.look() == []


async def test_a_parcel_that_could_not_be_used_stays(inside: Path, receiver: Receiver) -> None:
    async def fail(_: Parcel) -> None:
        raise RuntimeError

    (inside / "x.fsx").write_text("1.")
    with pytest.raises(RuntimeError):
        await receiver.folder.look(receiver.open, fail)

    assert await receiver.look() == [1]


def test_the_quarantine_keeps_the_newest_within_its_bounds(tmp_path: Path, quarantine: Quarantine) -> None:
    for number in range(8):
        path = tmp_path / f"f{number}"
        path.write_bytes(b"x" * 300)
        quarantine.take(path, Refusal.FOREIGN, datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC))

    assert quarantine.held() == (3, 900)
    kept = sorted(path.name.rpartition(".")[2] for path in (tmp_path / "quarantine").iterdir())
    assert kept == ["f5", "f6", "f7"]


def test_a_hostile_name_becomes_a_plain_one(tmp_path: Path, quarantine: Quarantine) -> None:
    path = tmp_path / "a\n\u202e$(reboot).fsx"
    path.write_text("x")

    quarantine.take(path, Refusal.FOREIGN, datetime.now(UTC))

    (kept,) = (tmp_path / "quarantine").iterdir()
    assert kept.name.endswith(".foreign.a____reboot_.fsx")


def test_an_out_folder_holds_whole_files_only_and_says_how_much(tmp_path: Path) -> None:
    out = OutFolder(tmp_path / "out")
    out.write("a.fsx", b"12345")
    out.write("a.fsx", b"123")
    out.write("b.fsx", b"12")

    assert sorted(path.name for path in out.folder.iterdir()) == ["a.fsx", "b.fsx"]
    assert out.held_bytes() == 5
    out.remove(["a.fsx", "taken-by-the-border.fsx"])
    assert out.held_bytes() == 2


def test_old_parcels_leave_the_out_folder_and_other_files_stay(tmp_path: Path) -> None:
    out = OutFolder(tmp_path)
    out.write("old.fsx", b"1")
    out.write("new.fsx", b"1")
    (tmp_path / "notes.txt").write_text("of the border's owner")
    os.utime(tmp_path / "old.fsx", (1000, 1000))
    os.utime(tmp_path / "notes.txt", (1000, 1000))
    os.utime(tmp_path / "new.fsx", (1900, 1900))

    assert out.remove_older(900, now_s=2000) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.fsx", "notes.txt"]


def test_a_special_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Refused):
        read_file(tmp_path / "pipe")


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")

    with read_file(tmp_path / "file") as file:
        assert io.BytesIO(file.read()).getvalue() == b"abc"
