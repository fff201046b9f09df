"""What the same machine does without us: the bound of its disk, and the simplest way to hand events over."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from federation.messages import new_id
from hil_tests.load.mqtt import connected
from hil_tests.load.rows import made, template
from hil_tests.load.simulated import Member

FOR_S = 2.0


def commits_per_s(folder: Path) -> float:
    """Return how many events a second SQLite commits one by one, each on the disk (synchronous=FULL). Blocks."""
    event, count = made(template(new_id()), "load"), 0
    with closing(_table(folder / "commits.sqlite")) as db:
        began = time.perf_counter()
        while time.perf_counter() - began < FOR_S:
            db.execute("INSERT INTO events VALUES (?, ?)", (count, event))
            count += 1
        return round(count / (time.perf_counter() - began), 1)


async def naive_per_s(folder: Path, member: Member) -> float:
    """Return how many events a second go out alone: each committed, published, and forgotten at the broker's answer."""
    event, count = template(new_id()), 0
    db = await asyncio.to_thread(_table, folder / "naive.sqlite")
    address = await asyncio.to_thread(member.address)
    client = await connected(address, member.node_id, topics=(), message=lambda *_: None)
    began = time.perf_counter()
    while time.perf_counter() - began < FOR_S:
        body = made(event, member.node_id)
        db.execute("INSERT INTO events VALUES (?, ?)", (count, body))
        count += 1
        client.publish(f"fs/1/{member.node_id}/u/naive", body.encode(), qos=1)
        while client.acknowledged < count:  # noqa: ASYNC110 - a count, no event
            await asyncio.sleep(0)
    taken_s = time.perf_counter() - began
    client.close()
    db.close()
    return round(count / taken_s, 1)


def _table(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.executescript("PRAGMA journal_mode = wal; PRAGMA synchronous = full; CREATE TABLE events (number, body)")
    return db
