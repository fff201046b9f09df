"""Events between wire, table and portal."""

from collections.abc import Collection
from typing import Any

from federation.messages import Event, EvidenceRef, as_forwarded
from hub.custody.intake import Row
from hub.database.moments import from_us, maybe_from_us, to_us
from hub.events.model import EventOrigin, EventRow, Picture, Verdict
from hub.repository.catalogue import Catalogue

NEW_COLUMNS = (
    "id",
    "node_id",
    "epoch",
    "sequence",
    "point_id",
    "point_name",
    "bureau",
    "type",
    "mapped_code",
    "algorithm_id",
    "task_id",
    "time_us",
    "received_at_us",
    "score",
    "superseded",
    "body",
    "verdict",
    "note",
)


def values_of(
    row: Row,
    event: Event,
    *,
    point_name: str,
    bureau: str,
    superseded: bool,
    received_at_us: int,
    mapped_code: str | None = None,
) -> tuple[Any, ...]:
    """Return the values of a new row of the table `events`, in the order of `NEW_COLUMNS`."""
    data = event.data
    return (
        event.id,
        event.source,
        row.key.epoch,
        row.sequence,
        data.point_id,
        point_name,
        bureau,
        event.type,
        mapped_code,
        data.algorithm_id,
        data.task_id,
        to_us(event.time),
        received_at_us,
        data.score,
        superseded,
        row.text,
        Verdict.PENDING.value,
        "",
    )


def row_of(columns: Any, event: Event, *, catalogue: Catalogue, arrived: Collection[str]) -> EventRow:
    """Return an event as list and detail show it; `arrived` holds the digests of stored pictures."""
    kind = catalogue.named(columns.type)
    return EventRow(
        id=columns.id,
        cursor=columns.cursor,
        node_id=columns.node_id,
        origin=origin_of(event),
        point_id=columns.point_id,
        point_name=columns.point_name,
        bureau=columns.bureau,
        type=columns.type,
        type_name_zh=kind.name_zh,
        type_name_en=kind.name_en,
        mapped_code=columns.mapped_code,
        mapped_name=catalogue.mapped_names.get(columns.mapped_code or "", ""),
        algorithm_id=columns.algorithm_id,
        algorithm_version=event.data.algorithm_version,
        task_id=columns.task_id,
        time=event.time,
        detected_at=event.data.detected_at,
        received_at=from_us(columns.received_at_us),
        clock=event.data.clock,
        superseded=columns.superseded,
        score=columns.score,
        dwell_s=event.data.dwell_s,
        detections=event.data.detections,
        region=event.data.region,
        preset=event.data.preset,
        preset_name=event.data.preset_name,
        pictures=tuple(picture_of(evidence, arrived=evidence.digest in arrived) for evidence in event.data.evidence),
        verdict=Verdict(columns.verdict),
        judged_by=columns.judged_by,
        judged_at=maybe_from_us(columns.judged_at_us),
        note=columns.note,
    )


def origin_of(event: Event) -> EventOrigin | None:
    """Return where an event from a hub below was seen, None for one of this hub's own boxes."""
    forwarded = as_forwarded(event)
    if forwarded is None:
        return None
    return EventOrigin(node_id=forwarded.origin.node_id, path=tuple(hop.name for hop in forwarded.path))


def picture_of(evidence: EvidenceRef, *, arrived: bool) -> Picture:
    """Return an evidence picture with the address under which it answers once it has arrived."""
    return Picture(
        digest=evidence.digest,
        url=f"/api/v1/pictures/{evidence.digest}",
        arrived=arrived,
        width_px=evidence.width_px,
        height_px=evidence.height_px,
        size_bytes=evidence.size_bytes,
    )
