"""The demo leaves no process behind."""

import subprocess
import sys
from pathlib import Path

from federation.testing.waiting import wait_until
from hil_tests.demo.supervision import end, one_group

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_who_does_not_end_when_asked_is_ended_with_all_that_runs_below_it() -> None:
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    child = Path("/proc") / stubborn.stdout.readline().decode().strip()
    assert child.exists()

    end(stubborn, within_s=0.2)

    stubborn.stdout.close()
    assert stubborn.returncode == -9
    wait_until(lambda: not child.exists() or _is_dead(child), within_s=60, what="the child has ended")


def test_all_programs_are_of_one_group_so_that_none_waits_for_another_to_end() -> None:
    sections = "[supervisord]\nnodaemon = true\n\n[program:hub]\ncommand = a\n\n[program:capture-agent]\ncommand = b\n"

    assert one_group(sections) == "[group:site]\nprograms = hub,capture-agent\n"


def _is_dead(process: Path) -> bool:
    try:
        return ") Z " in (process / "stat").read_text(encoding="ascii")
    except OSError:
        return True
