import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from federation.cli import main
from federation.testing.waiting import wait_until

FENGSUI = str(Path(sys.executable).with_name("fengsui"))


def hub_command(*arguments: str | Path, database_url: str = "") -> "subprocess.CompletedProcess[str]":
    command = [FENGSUI, "hub", *map(str, arguments)]
    environment = {**os.environ, "FENGSUI_DATABASE_URL": database_url}  # noqa: TID251 - of the child
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


@pytest.mark.parametrize("action", [["run"], ["broker"], ["user", "list"], ["supervision"]])
def test_a_configuration_that_is_not_there_is_one_clear_line(
    action: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", *action, "--config", str(tmp_path / "none.toml")]) == 2

    said = f"fengsui hub: cannot read {tmp_path / 'none.toml'}: No such file or directory\n"
    assert capsys.readouterr() == ("", said)


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


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "postgresql+psycopg://hub:secret-word@127.0.0.1:1/hub",
            "cannot use the database postgresql+psycopg://hub:***@",
        ),
        (
            "postgresql+psycopg://hub:secret-word@127.0.0.1:many/hub",
            "the database's address is not postgresql+psycopg://",
        ),
        ("mysql://hub:secret-word@127.0.0.1/hub", "the database's address begins with sqlite:/// or postgresql"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_clear_line_without_its_password(
    url: str, said: str, tmp_path: Path
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('data_folder = "d"\n[http]\nport = 0\n')

    done = hub_command("run", "--config", config, database_url=url)

    assert done.returncode == 2
    assert done.stderr.startswith(f"fengsui hub: {said}")
    assert done.stderr.count("\n") == 1
    assert "secret-word" not in done.stdout + done.stderr


def test_a_damaged_database_is_one_clear_line(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('data_folder = "d"\n[http]\nport = 0\n')
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "hub.sqlite").write_bytes(b"no database at all" * 100)

    done = hub_command("run", "--config", config)

    assert done.returncode == 2
    assert "file is not a database" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_broker_may_open_as_many_files_as_the_system_allows_and_so_serve_as_many_boxes(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('data_folder = "d"\n[http]\nport = 0\n[broker]\nport = 0\nsubscriber_port = 0\nhub_port = 0\n')
    command = ["prlimit", "--nofile=64:4096", FENGSUI, "hub", "broker", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            comm = Path(f"/proc/{process.pid}/comm")
            wait_until(lambda: comm.read_text() == "mosquitto\n", within_s=60, what="it has become the broker")
            limits = Path(f"/proc/{process.pid}/limits").read_text()
        finally:
            process.terminate()

    (allowed,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
    assert allowed.split()[3:5] == ["4096", "4096"]
