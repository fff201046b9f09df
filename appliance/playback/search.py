"""Which recordings of a camera: by time, kind, lock and words of a bookmark. Words and stretches only, no I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from appliance.recording.index import GAP_US, HOUR_US, LONGEST_SEGMENT_S, Kind

FOREVER_US = 2**62
LONGEST_FOUND_US = 24 * HOUR_US
"""What goes on for longer is found in several stretches, so that no answer reads a whole index."""

_SPAN_US = LONGEST_SEGMENT_S * 1_000_000
_TOUCHED = (  # all texts are ours
    "SELECT s.id FROM bookmarks b JOIN segments s ON s.point_id = b.point_id AND s.first_us < b.until_us"
    " AND s.first_us > b.from_us - :span AND (s.open OR s.last_us > b.from_us) WHERE b.point_id = :point AND"
)
_LOCKED = f"({_TOUCHED} b.locked)"
_SAYING = f"({_TOUCHED} instr(lower(b.text), lower(:text)) > 0)"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is searched for; None, or an empty text, leaves a condition out. Conditions hold together."""

    point_id: str
    start_us: int = -FOREVER_US
    end_us: int = FOREVER_US
    kind: Kind | None = None
    locked: bool | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One segment: its number, and the wall clock at its start and its end."""

    id: int
    start_us: int
    end_us: int
    kind: str


def query_of(wanted: Wanted, before: tuple[int, int]) -> tuple[str, dict[str, object]]:
    """Return the statement, and its values, for the segments that lie before a start and number, the latest first."""
    conditions = [
        "point_id = :point AND first_us < :end AND first_us > :start - :span AND (open OR last_us > :start)",
        "(first_us, id) < (:before_us, :before_id)",
    ]
    if wanted.kind is not None:
        conditions.append("kind = :kind")
    if wanted.locked is not None:
        conditions.append(f"id {'IN' if wanted.locked else 'NOT IN'} {_LOCKED}")
    if wanted.text:
        conditions.append(f"id IN {_SAYING}")
    values: dict[str, object] = {
        "point": wanted.point_id,
        "start": wanted.start_us,
        "end": wanted.end_us,
        "span": _SPAN_US,
        "before_us": before[0],
        "before_id": before[1],
        "kind": wanted.kind,
        "text": wanted.text,
    }
    columns = "id, path, first_us, last_us, init_bytes, kind, open"
    where = " AND ".join(conditions)
    return f"SELECT {columns} FROM segments WHERE {where} ORDER BY first_us DESC, id DESC", values  # noqa: S608


def joined_back(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Join pieces, which come the latest first, where they follow on and are of one kind; the earliest gives the id."""
    present: Piece | None = None
    for piece in pieces:
        if present is not None and _goes_on(piece, present):
            present = replace(piece, end_us=max(piece.end_us, present.end_us))
            continue
        if present is not None:
            yield present
        present = piece
    if present is not None:
        yield present


def _goes_on(piece: Piece, later: Piece) -> bool:
    near = later.start_us - piece.end_us <= GAP_US
    return piece.kind == later.kind and near and later.end_us - piece.start_us <= LONGEST_FOUND_US
