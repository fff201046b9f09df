"""What a start does before anything is written: torn segments are mended, a lost index is made again."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.mp4.boxes import BadBox
from appliance.mp4.reading import fragments, init_bytes, track_of
from appliance.mp4.track import BadTrack
from appliance.recording import index
from appliance.recording.segment import Recovered, recover
from appliance.recording.shelf import Shelf

log = logging.getLogger(__name__)

AT_ONCE = 200

_NAME = re.compile(r"\d{6}-(?P<id>\d{1,18})(?P<late>-backfill)?\.mp4")


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What was done: segments that were finished, those that held nothing, and bytes that were cut off."""

    finished: int = 0
    removed: int = 0
    cut_bytes: int = 0

    def __add__(self, other: "Mended") -> "Mended":
        """Return the sums."""
        return Mended(
            finished=self.finished + other.finished,
            removed=self.removed + other.removed,
            cut_bytes=self.cut_bytes + other.cut_bytes,
        )


async def mend(shelf: Shelf) -> Mended:
    """Finish every segment that a crash has left open: each keeps all but the fragment that was being written.

    Where the index is new although there are segment files, they are entered first. Raise OSError or sqlite3.Error.
    """
    database, folder = shelf.database, shelf.folder
    if await database.read(index.is_empty):
        known = await shelf.on_thread(lambda: sorted(_files(folder), key=lambda item: item[0]))
        await database.run(lambda db: _enter(db, known))
    done = Mended()
    while left_open := await database.read(lambda db: index.open_segments(db, limit=AT_ONCE)):
        found = await shelf.on_thread(
            lambda: [(segment_id, _recovered(folder / path)) for segment_id, path in left_open]
        )
        done += await database.run(lambda db: _settle(db, found))  # noqa: B023 - both run before the next round
    return done


def _settle(db: sqlite3.Connection, found: list[tuple[int, Recovered | None]]) -> Mended:
    for segment_id, recovered in found:
        if recovered is None:
            index.forget(db, [segment_id])
        else:
            index.finish(db, index.Ending(id=segment_id, entries=recovered.entries, init_bytes=recovered.init_bytes))
    kept = [item for _, item in found if item is not None]
    return Mended(finished=len(kept), removed=len(found) - len(kept), cut_bytes=sum(item.cut_bytes for item in kept))


def _recovered(path: Path) -> Recovered | None:
    try:
        return recover(path)
    except FileNotFoundError:
        return None  # the crash came between index and file


def _files(folder: Path) -> Iterator[tuple[int, index.Beginning, str]]:
    """Yield id, beginning and path of every segment file."""
    for path in folder.glob("*/*/*.mp4"):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        try:
            kind: index.Kind = "backfill" if match["late"] else "planned"
            yield int(match["id"]), _beginning(path, kind), str(path.relative_to(folder))
        except (BadBox, BadTrack, OSError, StopIteration) as error:
            log.warning("%s is no segment that could be entered: %s", path, error)


def _beginning(path: Path, kind: index.Kind) -> index.Beginning:
    with path.open("rb", buffering=0) as file:
        init = init_bytes(file)
        first = next(fragments(file, len(init), path.stat().st_size))
    if first.head.at_us is None:
        raise BadBox("the first fragment does not tell its time")
    return index.Beginning(
        point_id=path.parents[1].name,
        first_us=first.head.at_us,
        track=track_of(init),
        init_bytes=len(init),
        kind=kind,
    )


def _enter(db: sqlite3.Connection, known: list[tuple[int, index.Beginning, str]]) -> None:
    for segment_id, beginning, path in known:
        index.enter(db, segment_id, beginning, path)
    if known:
        log.warning("the index of recordings was lost; %d segments were entered anew", len(known))
