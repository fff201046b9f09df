"""`fengsui load`: a short run of every scenario ends with its figures; a wrong call is one line."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.store import outbox
from appliance.store.database import Database
from federation.cli import main
from federation.messages import Event, Lane
from hil_tests.chaos.processes import cost_of
from hil_tests.load import backlog
from hil_tests.load.figures import quantiles, table
from hil_tests.load.rows import made, template

FENGSUI = str(Path(sys.executable).with_name("fengsui"))


def load(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FENGSUI, "load", *arguments], capture_output=True, text=True, timeout=550, check=False)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {"p50": 0.0, "p95": 0.0, "p99": 0.0}),
        ([7.0], {"p50": 7.0, "p95": 7.0, "p99": 7.0}),
        (range(1, 101), {"p50": 51, "p95": 96, "p99": 100}),
    ],
)
def test_quantiles_are_those_of_the_sorted_values(values: list[float], expected: dict[str, float]) -> None:
    assert quantiles(values) == expected


def test_the_table_has_a_line_for_every_figure() -> None:
    text = table({"calm": {"commit_ms": {"p50": 1.5, "p95": 2.0}}, "speed": {"events_per_s": 12345.6}})

    assert [line.split() for line in text.splitlines()] == [
        ["calm", "commit_ms", "p50", "1.5", "p95", "2"],
        ["speed", "events_per_s", "12,345.6"],
    ]


def test_a_process_costs_time_and_memory_and_none_costs_nothing() -> None:
    own = cost_of(os.getpid())

    assert own.cpu_s > 0
    assert own.memory_bytes > 2**20
    assert cost_of(None).memory_bytes == 0


def test_an_event_that_is_made_cheaply_is_an_event() -> None:
    event = Event.model_validate_json(made(template("t1"), "box-1"))

    assert (event.source, event.data.task_id) == ("box-1", "t1")


async def _made(path: Path) -> None:
    async with Database(path):
        return


def test_a_backlog_is_written_as_a_box_would_have_kept_it(tmp_path: Path) -> None:
    path = tmp_path / "appliance.db"
    asyncio.run(_made(path))
    for count in (20, 5):
        backlog.write(path, count)

    with closing(sqlite3.connect(path)) as db:
        state, rows = outbox.state_of(db, Lane.EVENTS), outbox.rows(db, Lane.EVENTS, 1, 100)
        (ids,) = db.execute("SELECT count(DISTINCT id) FROM events").fetchone()
    assert (state.base, state.produced, state.waiting, ids) == (1, 25, 25, 25)
    events = [Event.model_validate_json('{"source":"n",' + row[1:]) for row in rows]
    assert len({event.id for event in events}) == 25


SIZES = {
    "calm": 1,
    "changes": 10,
    "events": 1000,
    "appliances": 4,
    "rate": 40,
    "fleet": 2,
    "storm": 50,
    "backlog": 1000,
}


def figures_of(scenario: str) -> dict[str, Any]:
    done = load(f"--only={scenario}", *(f"--{name}={size}" for name, size in SIZES.items()))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["sizes"] == SIZES
    return dict(said[scenario])


@pytest.mark.system
def test_a_fleet_is_measured_and_nothing_of_it_gets_lost() -> None:
    figures = figures_of("fleet")

    assert figures["events_not_delivered"] == 0
    assert figures["storm_drained_per_s"] > 0


@pytest.mark.system
def test_changes_are_measured_until_the_box_follows_them() -> None:
    figures = figures_of("desired")

    assert 0 < figures["committed_to_followed_ms"]["p50"] <= figures["asked_to_followed_ms"]["p99"]


@pytest.mark.system
def test_a_backlog_is_measured_with_fresh_events_beside_it() -> None:
    figures = figures_of("backlog")

    assert figures["drained_per_s"] > 0
    assert figures["fresh_ms"]["p50"] <= figures["fresh_ms"]["p99"]
    assert figures["memory_mb"].keys() == {"hub", "broker", "agent", "crowd"}


@pytest.mark.parametrize(
    "arguments", [["--appliances", "1"], ["--events", "99"], ["--calm", "0"], ["--calm", "soon"], ["--only", "all"]]
)
def test_a_wrong_call_gets_one_clear_error_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", *arguments]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("fengsui load: ")
    assert said.err.count("\n") == 1
