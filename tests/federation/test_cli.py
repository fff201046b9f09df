"""The dispatcher of `fengsui COMMAND`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from federation.cli import installed_commands, main
from federation.packages import shipped_packages, write_package


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


FENGSUI = Path(sys.executable).with_name("fengsui")


def test_a_reader_who_leaves_early_is_no_crash() -> None:
    with subprocess.Popen([FENGSUI, "hub", "openapi"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()

        complaint = process.stderr.read()

    assert complaint == b""
    assert process.returncode == 141


@pytest.mark.parametrize("command", [["--help"], ["package", "inspect"]], ids=" ".join)
def test_a_command_that_nobody_ever_listens_to_ends_in_silence(command: list[str], tmp_path: Path) -> None:
    if command[-1] == "inspect":
        (folder,) = shipped_packages().values()
        package = write_package(folder, tmp_path / "shipped.algpkg")
        command = [*command, str(package.path)]
    listens, speaks = os.pipe()
    os.close(listens)

    ended = subprocess.run([FENGSUI, *command], stdout=speaks, stderr=subprocess.PIPE, timeout=120, check=False)

    os.close(speaks)
    assert (ended.returncode, ended.stderr) == (141, b"")
