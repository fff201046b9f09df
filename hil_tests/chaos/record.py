"""Reads what a box holds. A program of its own: it runs where the box's disk is, which only the box may see."""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from hil_tests.chaos.errors import ChaosError
from hil_tests.network.ground import Party

READ_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a box holds: rows of all its lanes, how many are acknowledged, how many are results.

    `pictures` are those that it still has and has handed over.
    """

    produced: int
    acknowledged: int
    results: int
    pictures: tuple[str, ...]
    pictures_waiting: int

    @property
    def delivered(self) -> bool:
        """Whether the hub has said that it has everything."""
        return self.produced == self.acknowledged and not self.pictures_waiting


async def record_of(party: Party, data: Path) -> Record:
    """Return what the box has in its data folder; raise ChaosError if that cannot be read."""
    process = await asyncio.create_subprocess_exec(
        *party.command(sys.executable, "-m", "hil_tests.chaos.record", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), READ_WITHIN_S)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise ChaosError(f"the record in {data} cannot be read: {err.decode(errors='replace').splitlines()[-1]}")
    return Record(**json.loads(out))


def _read(database: Path) -> Record:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as db:
        produced, acknowledged = db.execute("SELECT sum(produced), sum(acknowledged) FROM lanes").fetchone()
        (results,) = db.execute("SELECT produced FROM lanes WHERE lane = 'results'").fetchone()
        pictures = db.execute("SELECT digest, state FROM pictures").fetchall()
    return Record(
        produced=produced,
        acknowledged=acknowledged,
        results=results,
        pictures=tuple(digest for digest, state in pictures if state == "sent"),
        pictures_waiting=sum(state == "waiting" for _, state in pictures),
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_read(Path(sys.argv[1]) / "appliance.db"))))
