"""What was recorded when, read from the recorder's index. Everything here blocks: call it on a thread."""

import heapq
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from appliance.mp4.boxes import BadBox
from appliance.mp4.reading import fragments, init_bytes
from appliance.mp4.track import TIMESCALE
from appliance.playback import search
from appliance.recording import bookmarks
from appliance.recording.index import GAP_US, HOUR_US, LONGEST_SEGMENT_S
from appliance.recording.segment import Entry, entry_of, unpack_entries

READ_WITHIN_S = 5.0

_WITHIN = "WHERE point_id = ? AND first_us > ? AND first_us < ? AND (open OR last_us > ?) ORDER BY id"


@dataclass(frozen=True, kw_only=True)
class Span:
    """One fragment in a segment file; `at_us` is the wall clock at its start."""

    offset: int
    size_bytes: int
    at_us: int
    duration_us: int
    key: bool

    @property
    def end_us(self) -> int:
        """The wall clock at its end."""
        return self.at_us + self.duration_us


@dataclass(frozen=True, kw_only=True)
class Footage:
    """One segment with its fragments; there is at least one."""

    id: int
    path: Path
    init_bytes: int
    mime: str
    kind: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A stretch without a gap, of one kind: planned, event or backfill."""

    start_us: int
    end_us: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch in which nothing was recorded, and why; an end of None: it lasts."""

    start_us: int
    end_us: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What there is of a camera in a stretch of time; `mime` is that of its newest segment, empty without one."""

    recorded: tuple[Recorded, ...]
    gaps: tuple[Gap, ...]
    bookmarks: tuple[bookmarks.Bookmark, ...]
    mime: str


@dataclass(frozen=True, kw_only=True)
class Hour:
    """How much of one hour was recorded of a camera; `hour` counts from 1970, UTC."""

    point_id: str
    hour: int
    duration_us: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """A recorded stretch that was searched for, with the bookmarks that touch it; `id` is that of its first segment."""

    id: int
    start_us: int
    end_us: int
    kind: str
    bookmarks: tuple[bookmarks.Bookmark, ...]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The recorder's index and folder, opened for reading with every call; empty while there is no index."""

    index_file: Path
    folder: Path

    def timeline(self, point_id: str, start_us: int, end_us: int) -> Timeline:
        """Return what there is of a camera between two moments."""
        rows = self._rows(
            f"SELECT id, path, first_us, last_us, init_bytes, mime, kind, open FROM segments {_WITHIN}",  # noqa: S608
            _within(point_id, start_us, end_us),
        )
        gaps = self._rows(
            "SELECT from_us, until_us, reason FROM gaps WHERE point_id = ? AND from_us < ?"
            " AND (until_us IS NULL OR until_us > ?) ORDER BY from_us",
            (point_id, end_us, start_us),
        )
        return Timeline(
            recorded=tuple(_joined((row["first_us"], self._end_us(row), row["kind"]) for row in _in_place(rows))),
            gaps=tuple(Gap(start_us=row[0], end_us=row[1], reason=row[2]) for row in gaps),
            bookmarks=self._bookmarks(point_id, start_us, end_us),
            mime=rows[-1]["mime"] if rows else "",
        )

    def find(self, wanted: search.Wanted, *, before: tuple[int, int], limit: int) -> list[Found]:
        """Return recorded stretches, the latest first, behind the one with this start and id."""
        with closing(self._each(*search.query_of(wanted, before))) as rows:
            pieces = (piece for row in rows if (piece := self._piece(row)).end_us > piece.start_us)
            found = list(islice(search.joined_back(pieces), limit))
        return [
            Found(**asdict(item), bookmarks=self._bookmarks(wanted.point_id, item.start_us, item.end_us))
            for item in found
        ]

    def bookmark(self, bookmark_id: str) -> bookmarks.Bookmark | None:
        """Return the bookmark with this id, None if there is none."""
        return next(map(bookmarks.bookmark_of, self._rows(bookmarks.BY_ID, (bookmark_id,))), None)

    def _bookmarks(self, point_id: str, start_us: int, end_us: int) -> tuple[bookmarks.Bookmark, ...]:
        return tuple(map(bookmarks.bookmark_of, self._rows(bookmarks.BETWEEN, (point_id, end_us, start_us))))

    def _piece(self, row: sqlite3.Row) -> search.Piece:
        return search.Piece(id=row["id"], start_us=row["first_us"], end_us=self._end_us(row), kind=row["kind"])

    def hours(self, start_us: int, end_us: int) -> list[Hour]:
        """Return the sums of all cameras by hour; a segment counts once it is finished, in the hour of its start."""
        rows = self._rows(
            "SELECT point_id, hour, duration_us, size_bytes FROM hours WHERE hour >= ? AND hour < ?",
            (start_us // HOUR_US, -(-end_us // HOUR_US)),
        )
        return [Hour(**dict(row)) for row in rows]

    def names(self) -> dict[str, str]:
        """Return the names of all cameras that have ever been recorded."""
        return {row[0]: row[1] for row in self._rows("SELECT point_id, name FROM cameras", ())}

    def footage(self, point_id: str, start_us: int, end_us: int) -> Iterator[Footage]:
        """Yield the segments of a camera between two moments, in the order in which they were recorded."""
        query = f"SELECT * FROM segments {_WITHIN}"  # noqa: S608 - both texts are ours
        rows = self._rows(query, _within(point_id, start_us, end_us))
        yield from (found for row in _in_place(rows) if (found := self._footage(row)) is not None)

    def _footage(self, row: sqlite3.Row) -> Footage | None:
        entries = self._written(row) if row["open"] else unpack_entries(row["entries"])
        spans = tuple(_spans(entries, row["init_bytes"], row["first_us"]))
        if not spans:
            return None
        return Footage(
            id=row["id"],
            path=self.folder / row["path"],
            init_bytes=row["init_bytes"],
            mime=row["mime"],
            kind=row["kind"],
            spans=spans,
        )

    def _end_us(self, row: sqlite3.Row) -> int:
        """Return the wall clock at the end of a segment, of one that is being written at its newest fragment."""
        if not row["open"]:
            return int(row["last_us"])
        ticks = sum(entry.duration_ticks for entry in self._written(row))
        return int(row["first_us"]) + ticks * 1_000_000 // TIMESCALE

    def _written(self, row: sqlite3.Row) -> tuple[Entry, ...]:
        """Return what a segment that is being written holds by now."""
        try:
            with (self.folder / row["path"]).open("rb", buffering=0) as file:
                size = file.seek(0, 2)
                start = len(init_bytes(file))
                return tuple(entry_of(place) for place in fragments(file, start, size))
        except (OSError, BadBox):
            return ()

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with closing(self._each(query, values)) as rows:
            return list(rows)

    def _each(self, query: str, values: tuple[Any, ...] | dict[str, object]) -> Generator[sqlite3.Row]:
        if not self.index_file.exists():
            return
        address = f"file:{self.index_file}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=READ_WITHIN_S)) as db:
            db.row_factory = sqlite3.Row
            yield from db.execute(query, values)


def _in_place(rows: Sequence[sqlite3.Row]) -> Iterator[sqlite3.Row]:
    """Yield segments in the order in which they were written, those of a backfill between them by their time."""
    on_time = [row for row in rows if row["kind"] != "backfill"]
    late = sorted((row for row in rows if row["kind"] == "backfill"), key=itemgetter("first_us"))
    return heapq.merge(on_time, late, key=itemgetter("first_us"))


def _within(point_id: str, start_us: int, end_us: int) -> tuple[str, int, int, int]:
    return (point_id, start_us - LONGEST_SEGMENT_S * 1_000_000, end_us, start_us)


def _spans(entries: Iterable[Entry], offset: int, first_us: int) -> Iterator[Span]:
    ticks = 0
    for entry in entries:
        yield Span(
            offset=offset,
            size_bytes=entry.size_bytes,
            at_us=first_us + ticks * 1_000_000 // TIMESCALE,
            duration_us=entry.duration_ticks * 1_000_000 // TIMESCALE,
            key=entry.key,
        )
        offset += entry.size_bytes
        ticks += entry.duration_ticks


def _joined(stretches: Iterable[tuple[int, int, str]]) -> Iterator[Recorded]:
    """Join what follows on within `GAP_US` and is of one kind."""
    present: Recorded | None = None
    for start_us, end_us, kind in stretches:
        if end_us <= start_us:
            continue
        goes_on = present is not None and present.kind == kind and 0 <= start_us - present.end_us + GAP_US <= 2 * GAP_US
        if present is not None and goes_on:
            present = Recorded(start_us=present.start_us, end_us=max(present.end_us, end_us), kind=kind)
            continue
        if present is not None:
            yield present
        present = Recorded(start_us=start_us, end_us=end_us, kind=kind)
    if present is not None:
        yield present
