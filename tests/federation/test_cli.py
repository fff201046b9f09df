"""The dispatcher of `fengsui COMMAND`."""

import subprocess
import sys
from pathlib import Path

import pytest

from federation.cli import installed_commands, main


def test_help_lists_every_installed_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    printed = capsys.readouterr().out
    assert {"appliance", "demo", "hub", "package", "rig"} <= set(installed_commands())
    assert all(f"  {name}" in printed for name in installed_commands())


def test_an_unknown_command_is_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "no command 'fly'" in captured.err


def test_no_command_at_all_is_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2

    assert capsys.readouterr().err.count("\n") == 1


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    assert capsys.readouterr().out.startswith("fengsui ")


def test_a_reader_who_leaves_early_is_no_crash() -> None:
    fengsui = Path(sys.executable).with_name("fengsui")
    with subprocess.Popen([fengsui, "hub", "openapi"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()

        complaint = process.stderr.read()

    assert complaint == b""
    assert process.returncode == 141
