"""How supervisord keeps hub and broker running."""

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
"""


def programs(config_path: Path, name_prefix: str = "", *, managed: bool = True, logs: Path | None = None) -> str:
    """Return supervisord's sections for the hub of `config_path`, and for its broker if that is its own.

    Each process logs to a file in `logs`, or to supervisord's own choice.
    """
    return "\n".join(
        PROGRAM.format(
            name=f"{name_prefix}{name}",
            command=" ".join(_quoted(word) for word in _command(subcommand, config_path)),
            priority=priority,
            log=_escaped(str(logs / f"{name_prefix}{name}.log")) if logs is not None else "AUTO",
        )
        for name, subcommand, priority in (*([("broker", "broker", 20)] if managed else []), ("hub", "run", 30))
    )


def _command(subcommand: str, config_path: Path) -> list[str]:
    fengsui = str(Path(sys.executable).with_name("fengsui"))
    return [fengsui, "hub", subcommand, "--config", str(config_path.resolve())]


def _quoted(word: str) -> str:
    return '"' + _escaped(word).replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    # supervisord expands %(…)s.
    return text.replace("%", "%%")
