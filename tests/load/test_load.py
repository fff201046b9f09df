"""The measurement of custody: its sums, its call, and a very short run of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.chaos.processes import cost_of
from hil_tests.load.run import quantiles

FENGSUI = str(Path(sys.executable).parent / "fengsui")


def load(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([FENGSUI, "load", *arguments], capture_output=True, text=True, timeout=200, check=False)


def test_quantiles_are_values_that_so_many_do_not_exceed() -> None:
    assert quantiles(range(1000)) == {"p50": 500, "p95": 950, "p99": 990}
    assert quantiles([7.0]) == {"p50": 7.0, "p95": 7.0, "p99": 7.0}
    assert quantiles([]) == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_a_process_costs_time_and_memory_and_none_costs_nothing() -> None:
    own = cost_of(os.getpid())

    assert own.cpu_s > 0
    assert own.memory_bytes > 2**20
    assert cost_of(None).memory_bytes == 0


@pytest.mark.system
def test_a_short_measurement_ends_with_its_figures() -> None:
    done = load("--boxes", "2", "--events", "300", "--backlog", "300", "--calm", "1")

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["delivered_per_s"] > 0
    assert figures["drained_per_s"] > 0
    assert figures["calm_ms"]["p50"] <= figures["calm_ms"]["p99"]
    assert figures["hub_memory_mb"]["while_draining"] > 10
    assert figures["cpu_s_per_1000_events"].keys() == {"hub", "broker", "agents"}


@pytest.mark.parametrize("arguments", [["--boxes", "1"], ["--events", "99"], ["--calm", "0"], ["--calm", "soon"]])
def test_a_wrong_call_gets_one_clear_error_and_status_2(arguments: list[str]) -> None:
    done = load(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fengsui load: ")
    assert done.stderr.count("\n") == 1
