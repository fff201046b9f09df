"""One box under test: a real agent with its own data, reached by the hub over a wire of its own."""

import json
import os
import resource
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.testing.ports import HOST
from hil_tests.chaos.producer import Producer
from hil_tests.chaos.program import Program, kept_running
from hil_tests.chaos.wire import Wire, wire
from hil_tests.demo.supervision import FENGSUI

CLOCK = Path(__file__).parent / "clock"
ROOM_LEFT_BYTES = 4096  # no file of a full disk grows beyond this


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a box holds: its events in order, how much of them is acknowledged, and its pictures."""

    ids: tuple[str, ...]
    produced: int
    acknowledged: int
    pictures: tuple[str, ...]
    pictures_waiting: int

    @property
    def delivered(self) -> bool:
        """Whether the hub has said that it has everything."""
        return self.produced == self.acknowledged and not self.pictures_waiting


@dataclass(kw_only=True)
class Box:
    """A running box; made by `running_box`."""

    node_id: str
    folder: Path
    agent: Program
    wire: Wire
    producer: Producer

    def set_clock(self, offset_s: int) -> None:
        """Let the box's wall clock be wrong by so many seconds."""
        _clock_file(self.folder).write_text(f"{offset_s:+d}\n", encoding="ascii")

    def fill_disk(self, *, full: bool) -> None:
        """Let the agent's writes fail as on a full disk, or let them succeed again."""
        pid = self.agent.pid
        if pid is None:
            return
        soft = ROOM_LEFT_BYTES if full else resource.RLIM_INFINITY
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
        except ProcessLookupError:
            return  # it has just been killed, which heals this too

    def record(self) -> Record:
        """Read the box's own record. Blocks."""
        path = self.folder / "data" / "appliance.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            ids = tuple(row[0] for row in db.execute("SELECT id FROM events ORDER BY number"))
            produced, acknowledged = db.execute(
                "SELECT produced, acknowledged FROM lanes WHERE lane = 'events'"
            ).fetchone()
            pictures = db.execute("SELECT digest, state FROM pictures").fetchall()
        return Record(
            ids=ids,
            produced=produced,
            acknowledged=acknowledged,
            pictures=tuple(digest for digest, _ in pictures),
            pictures_waiting=sum(state == "waiting" for _, state in pictures),
        )


@asynccontextmanager
async def running_box(
    folder: Path, credentials: Mapping[str, Any], *, hub_port: int, task_id: str
) -> AsyncIterator[Box]:
    """Run an agent that has enrolled with `credentials`, its line to the hub relayed."""
    data, run = folder / "data", folder / "run"
    data.mkdir(parents=True, mode=0o700)
    async with AsyncExitStack() as stack:
        line, (mqtt_port, http_port) = await stack.enter_async_context(wire(credentials["mqtt_port"], hub_port))
        identity = {
            **credentials,
            "hub_url": f"http://{HOST}:{http_port}",
            "mqtt_host": HOST,
            "mqtt_port": mqtt_port,
        }
        _write_secret(data / "identity.json", json.dumps(identity))
        config = folder / "appliance.toml"
        config.write_text(
            f'profile = "analysis"\ndata_folder = "{data}"\nrun_folder = "{run}"\n[panel]\nhost = "{HOST}"\nport = 0\n',
            encoding="utf-8",
        )
        command = [FENGSUI, "appliance", "agent", "--config", str(config)]
        environment = {"PYTHONPATH": str(CLOCK), "FENGSUI_CHAOS_CLOCK": str(_clock_file(folder))}
        agent = await stack.enter_async_context(kept_running(command, folder / "agent.log", environment))
        producer = Producer(run / "agent.sock", task_id)
        yield Box(node_id=credentials["node_id"], folder=folder, agent=agent, wire=line, producer=producer)


def _clock_file(folder: Path) -> Path:
    return folder / "clock"


def _write_secret(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
