import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from federation.testing.waiting import wait_until
from hil_tests.rig.__main__ import main
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding

PASSWORD = "secret-12345"


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"username": "camera", "password": PASSWORD}))
    return path


@contextmanager
def serving(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "hil_tests.rig", "serve", "--cache", str(tmp_path / "cache"), *arguments]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_footage_is_served_and_controlled_until_the_command_is_ended(
    tmp_path: Path, credentials: Path, clip_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    footage = tmp_path / "footage"
    footage.mkdir()
    (footage / "street.mp4").write_bytes(clip_file.read_bytes())
    long_gop = Encoding(width_px=320, height_px=180, fps=Fraction(10), gop_s=60)
    write_pattern(footage / "yard.mp4", long_gop, seconds=3)
    (footage / "broken.mp4").write_bytes(b"no video")
    ready, control = tmp_path / "ready.json", tmp_path / "c.sock"
    options = ["--footage", str(footage), "--credentials-file", str(credentials)]

    with serving(tmp_path, *options, "--ready-file", str(ready), "--control-socket", str(control)) as process:
        told = wait_until(lambda: settled(ready), within_s=90, what="all footage prepared")
        mounts = {mount["name_zh"]: mount for mount in told["mounts"]}
        assert told["pid"] == process.pid
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        assert "cannot be read as video" in mounts["broken"]["error"]
        for name in ("street", "yard"):
            pull_one(f"rtsp://camera:{PASSWORD}@127.0.0.1:{told['port']}{mounts[name]['path']}")
        name = mounts["street"]["path"].strip("/")
        assert main(["control", "--control-socket", str(control), "set", name, "state=frozen", "loss=0.5"]) == 0
        assert '"state": "frozen"' in capsys.readouterr().out
        for shown, loop_s in (("yard", 3), ("street", 2)):
            other = mounts[shown]["path"].strip("/")
            assert main(["control", "--control-socket", str(control), "set", name, f"shows={other}"]) == 0
            assert json.loads(capsys.readouterr().out)["camera"]["loop_s"] == pytest.approx(loop_s, abs=0.2)
        assert main(["control", "--control-socket", str(control), "set", name, "shows=cam77"]) == 2
        assert "no camera is called 'cam77'" in capsys.readouterr().err
        assert main(["control", "--control-socket", str(control), "set", "cam77", "state=frozen"]) == 2
        assert "no camera is called 'cam77'" in capsys.readouterr().err
        assert main(["control", "--control-socket", str(control), "set", name, "mood=bad"]) == 2
        assert "'mood' cannot be 'bad'; a camera has " in capsys.readouterr().err

    assert process.returncode == 0
    assert not ready.exists()
    assert not control.exists()


def test_a_port_that_is_taken_and_a_cache_that_is_no_folder_get_one_line(
    tmp_path: Path, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        whole = ["serve", "--credentials-file", str(credentials), "--cache", str(tmp_path), "--port", port]
        assert main(whole) == 2
    assert main(["serve", "--credentials-file", str(credentials), "--cache", str(credentials)]) == 2

    assert capsys.readouterr().err.count("\n") == 2


def settled(ready: Path) -> Any:
    told = json.loads(ready.read_text()) if ready.exists() else {"mounts": [{"ready": False, "error": None}]}
    return told if all(mount["ready"] or mount["error"] for mount in told["mounts"]) else None


def pull_one(url: str) -> None:
    with av.open(url, options={"rtsp_transport": "tcp", "timeout": "60000000"}) as container:
        next(container.decode(video=0))


def test_the_command_ends_while_clips_are_still_being_rendered(tmp_path: Path, credentials: Path) -> None:
    ready = tmp_path / "ready.json"

    with serving(tmp_path, "--credentials-file", str(credentials), "--ready-file", str(ready)) as process:
        wait_until(ready.exists, within_s=60, what="the ready file")
        told = json.loads(ready.read_text())

    truth = json.loads((tmp_path / "truth" / "cam1.json").read_text())
    assert [mount["path"] for mount in told["mounts"]] == [f"/cam{number}" for number in range(1, 9)]
    assert told["mounts"][0]["truth_file"] == str(tmp_path / "truth" / "cam1.json")
    assert truth["happenings"][0]["kind"] == "area_intrusion"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: command"),
        (["serve"], "--credentials-file"),
        (["serve", "--cameras", "9"], "must be 1 to 8"),
        (["serve", "--cameras", "0"], "must be 1 to 8"),
        (["serve", "--port", "-1"], "must be 0 to 65535"),
        (["serve", "--port", "http"], "must be 0 to 65535"),
        (["serve", "--footage", "/nowhere"], "/nowhere is not a folder"),
        (["serve", "--cameras", "2", "--footage", "."], "not allowed with"),
        (["prepare", "--camera", "cam99"], "'cam99'"),
        (["control", "--control-socket", "/nowhere", "status", "cam1"], "no rig answers at /nowhere"),
        (["control", "--control-socket", "/nowhere", "burn", "cam1"], "invalid choice: 'burn'"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_a_wrong_call_gets_one_line_and_exit_2(
    arguments: list[str], message: str, tmp_path: Path, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = list(arguments)
    if whole[:1] == ["serve"] and len(whole) > 1:
        whole += ["--credentials-file", str(credentials)]
    if whole[:1] in (["serve"], ["prepare"]):
        whole += ["--cache", str(tmp_path)]

    assert main(whole) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"username": 1, "password": 2}', '{"username": "a", "password": "x"}']
)
def test_a_credentials_file_that_cannot_be_used_is_named(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)

    assert main(["serve", "--credentials-file", str(path), "--cache", str(tmp_path)]) == 2
    assert str(path) in capsys.readouterr().err
