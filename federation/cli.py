"""The command `fengsui COMMAND ...`: finds the commands that are installed and hands over to one of them."""

import ast
import importlib.metadata
import importlib.util
import os
import resource
import select
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

from federation.cycles import undisturbed

COMMAND_GROUP = "fengsui.commands"
USAGE_ERROR = 2
INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
NOBODY_READS = 141  # and for one that SIGPIPE ended
OPEN_FILES = 65_536
"""Linux lets a program open 1,024 files, and more on request: a broker or hub has a connection for every box."""

Command = Callable[[list[str]], int]


def main(argv: list[str] | None = None) -> int:
    """Run the command that `argv` (without the program's name) starts with; return the exit status.

    Ends in silence with status 141 once nobody reads its output any more.
    """
    arguments = sys.argv[1:] if argv is None else argv
    _ask_for_open_files()
    try:
        try:
            return _called(arguments)
        finally:
            sys.stdout.flush()  # or the interpreter does when it ends, and complains
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        if _somebody_reads_the_output():
            raise
        return NOBODY_READS


def _ask_for_open_files() -> None:
    """Let this program, and those that it starts, open as many files as they may, up to `OPEN_FILES`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _called(arguments: list[str]) -> int:
    commands = installed_commands()
    if not arguments:
        return _refuse("which command? " + _choices(commands))
    name, rest = arguments[0], arguments[1:]
    if name in {"-h", "--help"}:
        print(_help(commands))
        return 0
    if name == "--version":
        print(f"fengsui {importlib.metadata.version('fengsui')}")
        return 0
    if name not in commands:
        return _refuse(f"no command {name!r}; " + _choices(commands))
    return _run(commands[name], rest)


def installed_commands() -> dict[str, EntryPoint]:
    """Return the entry points of the group `fengsui.commands` by name, in alphabetical order."""
    found = importlib.metadata.entry_points(group=COMMAND_GROUP)
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


def _run(entry: EntryPoint, arguments: list[str]) -> int:
    try:
        with undisturbed():
            command = cast("Command", entry.load())
    except (ImportError, AttributeError) as missing:
        return _refuse(f"command {entry.name!r} is not complete in this installation: {missing}")
    return command(arguments)


def _somebody_reads_the_output() -> bool:
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)
    if not any(event & select.POLLERR for _, event in watched.poll(0)):
        return True
    # The interpreter flushes once more when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return False


def _help(commands: dict[str, EntryPoint]) -> str:
    lines = [f"  {name:<12}{_summary(entry)}".rstrip() for name, entry in commands.items()]
    return "\n".join(
        [
            "usage: fengsui COMMAND [ARGUMENTS]    (fengsui COMMAND --help says more)",
            "       fengsui --version",
            "",
            "commands:",
            *lines,
        ]
    )


def _summary(entry: EntryPoint) -> str:
    """Return the first line of the command module's docstring, read without running the module."""
    try:
        found = importlib.util.find_spec(entry.module)
    except ImportError:
        found = None
    if found is None or found.origin is None:
        return "(not in this installation)"
    document = ast.get_docstring(ast.parse(Path(found.origin).read_text("utf-8"))) or ""
    return document.partition("\n")[0]


def _choices(commands: dict[str, EntryPoint]) -> str:
    return "choose from " + ", ".join(commands) if commands else "none is installed"


def _refuse(sentence: str) -> int:
    print(f"fengsui: {sentence}", file=sys.stderr)
    return USAGE_ERROR
