"""A backlog of days, written straight into a box's database in seconds: as if the hub had been away."""

import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from federation.messages import new_id
from hil_tests.load.rows import template

_EVENTS = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count),
     named (n, id) AS (SELECT n, printf('%s-%04x-7%03x-8%03x-%012x', :head, n >> 24, (n >> 12) & 4095, n & 4095, n)
                       FROM numbers)
INSERT INTO events (id, type, point_id, task_id, algorithm_id, time_us, body)
SELECT id, 'intrusion/object', 'load', :task, 'fengsui.area_intrusion', :time_us,
       replace(:event, '@id', id) FROM named
"""
_OUTBOX = """
INSERT INTO outbox (lane, sequence, event_number, body)
SELECT 'events', (SELECT produced FROM lanes WHERE lane = 'events') + row_number() OVER (ORDER BY number), number, NULL
FROM events WHERE number > :before ORDER BY number
"""


def write(database: Path, count: int) -> None:
    """Add `count` events that wait for the hub; the agent must not run. Blocks."""
    now, task_id = datetime.now(UTC), new_id()
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = off")
        db.execute("BEGIN IMMEDIATE")
        (before,) = db.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()
        db.execute(
            _EVENTS,
            {
                "count": count,
                "head": secrets.token_hex(4),
                "task": task_id,
                "time_us": int(now.timestamp() * 1e6),
                "event": template(task_id).replace("@time", now.isoformat()),
            },
        )
        db.execute(_OUTBOX, {"before": before})
        db.execute("UPDATE lanes SET produced = produced + ? WHERE lane = 'events'", (count,))
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
