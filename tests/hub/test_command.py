import socket
import subprocess
import sys
from pathlib import Path

import pytest

FENGSUI = str(Path(sys.executable).with_name("fengsui"))


def hub_command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [FENGSUI, "hub", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("action", [["run"], ["broker"], ["user", "list"], ["supervision"]])
def test_a_configuration_that_is_not_there_is_one_clear_line(action: list[str], tmp_path: Path) -> None:
    done = hub_command(*action, "--config", tmp_path / "none.toml")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"fengsui hub: cannot read {tmp_path / 'none.toml'}: No such file or directory\n"


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = tmp_path / "hub.toml"
        config.write_text(f'data_folder = "d"\n[http]\nport = {taken.getsockname()[1]}\n')

        done = hub_command("run", "--config", config)

    assert done.returncode == 2
    assert "address already in use" in done.stderr
    assert done.stderr.count("\n") == 1
