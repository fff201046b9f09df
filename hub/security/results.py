"""The lane of results: what was done on appliances stands in the audit, beside what was done at the hub."""

import re
from collections import Counter
from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select

from federation.messages import Result
from hub.custody.intake import LaneKey, Row
from hub.custody.service import Taken
from hub.database.moments import to_us
from hub.security.tables import audit

LONGEST_DETAIL = 8000
IDS_AT_ONCE = 500
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ResultTaker:
    """Stores the rows of the lane of results."""

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:  # noqa: ARG002 - as takers are
        """Store what is a result and has not come before."""
        rejected: list[tuple[Row, str]] = []
        read: dict[str, tuple[Row, Result]] = {}
        repeated: Counter[LaneKey] = Counter()
        for row in rows:
            result = read_result(row)
            if isinstance(result, str):
                rejected.append((row, result))
            elif result.id in read:
                repeated[row.key] += 1
            else:
                read[result.id] = (row, result)
        for known in _known(connection, list(read)):
            repeated[read.pop(known)[0].key] += 1
        if read:
            connection.execute(insert(audit), [_columns(result) for _, result in read.values()])
        return Taken(rejected=rejected, repeated=repeated)


def read_result(row: Row) -> Result | str:
    """Return the row as a result of its own node, or one sentence that says why it is none."""
    if "\\u0000" in row.text or len(row.text) > LONGEST_DETAIL:
        return f"longer than {LONGEST_DETAIL} characters, or with a NUL"
    try:
        result = Result.model_validate_json(row.text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if result.source != row.key.node_id:
        return f"source: {result.source} is not the node that sent it"
    return result if _UUID.fullmatch(result.id) else "id: not a UUID"


def _known(connection: Connection, ids: list[str]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(ids), IDS_AT_ONCE):
        part = select(audit.c.id).where(audit.c.id.in_(ids[start : start + IDS_AT_ONCE]))
        found += connection.execute(part).scalars()
    return found


def _columns(result: Result) -> dict[str, object]:
    data = result.data
    return {
        "id": result.id,
        "at_us": to_us(result.time),
        "actor_kind": data.actor_kind,
        "actor": data.actor,
        "peer": data.peer,
        "action": result.type,
        "subject": data.subject,
        "succeeded": data.succeeded,
        "detail": data.detail,
        "node_id": result.source,
    }
