"""supervisord over all processes of the demo, started and ended as one."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from hil_tests.demo.errors import DemoError, NotReady
from hil_tests.demo.site import PROFILES, Site

STOP_WITHIN_S = 30.0
FENGSUI = str(Path(sys.executable).parent / "fengsui")

_HEAD = """\
[supervisord]
nodaemon = true
silent = true
logfile = {logs}/supervisord.log
pidfile = {root}/supervisord.pid
childlogdir = {logs}

[unix_http_server]
file = {root}/supervisor.sock
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{root}/supervisor.sock

[program:rig]
command = {rig}
autorestart = true
startretries = 1000000
startsecs = 0
stopwaitsecs = 5
priority = 10
redirect_stderr = true
stdout_logfile = {logs}/rig.log
"""


def configuration(site: Site, rig_command: list[str]) -> str:
    """Return the supervisord configuration of all processes, as hub and appliances describe them."""
    rig = " ".join(_quoted(word) for word in rig_command)
    sections = [_HEAD.format(root=site.root, logs=site.logs, rig=rig)]
    sections.append(_described(["hub", "supervision", "--config", str(site.hub_config)], site))
    for profile in PROFILES:
        config = str(site.appliance_config(profile))
        command = ["appliance", "supervision", "--config", config, "--prefix", f"{profile}-"]
        sections.append(_described(command, site))
    return "\n".join([*sections, one_group("\n".join(sections))])


def one_group(sections: str) -> str:
    """Return the section that has all programs of these end at one moment: supervisord ends group after group."""
    programs = re.findall(r"^\[program:(.+)\]$", sections, re.MULTILINE)
    return f"[group:site]\nprograms = {','.join(programs)}\n"


@dataclass(frozen=True, kw_only=True)
class Supervisor:
    """The running supervisord."""

    site: Site
    process: "subprocess.Popen[bytes]"

    def check(self) -> None:
        """Raise NotReady if supervisord has ended by itself."""
        if self.process.poll() is not None:
            msg = f"supervisord ended by itself; see {self.site.logs}"
            raise NotReady(msg)

    def pids(self) -> dict[str, int]:
        """Return the process id of every running process by its name."""
        transport = SupervisorTransport(
            serverurl=f"unix://{self.site.root / 'supervisor.sock'}", username=None, password=None
        )
        with ServerProxy("http://supervisor", transport=transport) as proxy:
            listed = cast("list[dict[str, Any]]", proxy.supervisor.getAllProcessInfo())
        return {item["name"]: item["pid"] for item in listed if item["pid"]}


@contextmanager
def supervised(site: Site, rig_command: list[str]) -> Iterator[Supervisor]:
    """Run supervisord for as long as the context is open; leave no process behind."""
    path = site.root / "supervisord.conf"
    path.write_text(configuration(site, rig_command), encoding="utf-8")
    path.chmod(0o600)
    # If the demo itself is killed, supervisord gets SIGTERM and ends all others in order.
    guard = ["setpriv", "--pdeathsig", "TERM"]
    with (site.logs / "supervisord.stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*guard, sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(path)],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches us alone; we end the children in order
        )
    try:
        yield Supervisor(site=site, process=process)
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]", within_s: float = STOP_WITHIN_S) -> None:
    """End supervisord and everything below it, by force what has not ended `within_s` seconds after it was asked."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *_descendants(process.pid)]:  # each program leads a process group of its own
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(STOP_WITHIN_S)


def _descendants(pid: int) -> list[int]:
    """Return the processes below a process; Linux tells a process's children thread by thread."""
    below: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            below += map(int, (task / "children").read_text(encoding="ascii").split())
    return below + [deeper for child in below for deeper in _descendants(child)]


def _described(arguments: list[str], site: Site) -> str:
    done = subprocess.run(
        [FENGSUI, *arguments, "--logs", str(site.logs)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(done.stderr.strip() or f"fengsui {' '.join(arguments)} failed")
    return done.stdout


def _quoted(word: str) -> str:
    # supervisord expands %(…)s and splits like a shell.
    return '"' + word.replace("%", "%%").replace('"', '\\"') + '"'
