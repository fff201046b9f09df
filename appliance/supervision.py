"""How supervisord keeps the processes of an appliance running."""

import sys
from pathlib import Path

PROGRAM = """\
[program:{name}]
command = {command}
autorestart = true
startretries = 1000000
startsecs = 1
stopasgroup = true
killasgroup = true
stopwaitsecs = 10
priority = {priority}
redirect_stderr = true
stdout_logfile = {log}
{rotation}"""

HEAD = """\
[supervisord]
nodaemon = true
logfile = {run_folder}/supervisord.log
pidfile = {run_folder}/supervisord.pid
"""

OWN_OUTPUT = "/dev/fd/1"
PROCESSES = (("agent", 40), ("streams", 50), ("vision", 60))


def programs(config_path: Path, name_prefix: str = "", *, logs: Path | None = None) -> str:
    """Return supervisord's sections for the processes of the appliance of `config_path`.

    Each process logs to a file in `logs`, or to supervisord's own output.
    """
    fengsui = str(Path(sys.executable).with_name("fengsui"))
    return "\n".join(
        PROGRAM.format(
            name=f"{name_prefix}{name}",
            command=" ".join(
                _quoted(word) for word in (fengsui, "appliance", name, "--config", str(config_path.resolve()))
            ),
            priority=priority,
            log=_escaped(str(logs / f"{name_prefix}{name}.log")) if logs is not None else OWN_OUTPUT,
            rotation="" if logs is not None else "stdout_logfile_maxbytes = 0\n",
        )
        for name, priority in PROCESSES
    )


def configuration(config_path: Path, run_folder: Path) -> str:
    """Return a whole supervisord configuration for one appliance."""
    return HEAD.format(run_folder=_escaped(str(run_folder))) + "\n" + programs(config_path)


def _quoted(word: str) -> str:
    return '"' + _escaped(word).replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    # supervisord expands %(…)s.
    return text.replace("%", "%%")
