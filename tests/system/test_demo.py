"""`fengsui demo` as its users call it."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.cli import main
from federation.testing.waiting import wait_until
from hil_tests.demo.run import DETECTOR, Demo
from hil_tests.rig.foreign import foreign_server

pytestmark = pytest.mark.system

FENGSUI = str(Path(sys.executable).parent / "fengsui")
KEYS = {
    "nodes_online",
    "streams_live",
    "events",
    "events_by_algorithm",
    "latency_ms",
    "lost",
    "duplicates",
    "restarts",
}


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, at any depth."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return children + [below for child in children for below in descendants(child)]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_headless_run_ends_with_its_figures_and_status_0() -> None:
    done = subprocess.run(
        [FENGSUI, "demo", "--for", "5", "--json", "--port", "0", "--cameras", "3"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures.keys() >= KEYS
    assert figures["complaints"] == []
    assert done.returncode == 0
    assert figures["nodes_online"] == 3
    assert figures["streams_live"] == 3


def test_ctrl_c_leaves_no_process_and_no_folder() -> None:
    process = subprocess.Popen(
        [FENGSUI, "demo", "--cameras", "1", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not any("日志" in line for line in lines):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        children = descendants(process.pid)
        root = Path(lines[-1].split()[-1]).parent
        assert len(children) >= 12

        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.terminate()  # whatever failed, nothing stays behind
        process.communicate(timeout=60)

    assert process.returncode == 0
    wait_until(lambda: not any(is_alive(pid) for pid in children), within_s=90, what="the end of all")
    assert not root.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--for", "0"],
        ["--for", "soon"],
        ["--json"],
        ["--port", "-1"],
        ["--port", "70000"],
        ["--cameras", "9"],
        ["--footage", "/nowhere"],
        ["--model", "/nowhere.onnx"],
        ["--unknown"],
    ],
)
def test_a_wrong_call_gets_one_clear_error_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *arguments]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("fengsui demo: ")
    assert said.err.count("\n") == 1


def test_the_shipped_detector_names_what_the_virtual_cameras_show(demo: Demo) -> None:
    demo.bring_detector()

    def seen() -> set[str]:
        rows = demo.hub.every("/api/v1/events", algorithm_id=DETECTOR)
        return {item["label"] for row in rows for item in row["detections"]}

    assert wait_until(lambda: seen() & {"person", "car", "van"}, within_s=120, what="an event of the detector")


def test_a_camera_behind_a_server_that_is_not_ours_is_pulled_and_recorded_at_its_home(
    demo: Demo, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    video = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=60"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-bf", "0", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *video, *codec, str(clip)], check=True)

    with foreign_server({"h264": clip}) as server:
        account = {"username": server.credentials.username, "password": server.credentials.password}
        draft = {"id": "foreign", "name": "外来", "stream_url": server.url("h264"), **account}
        demo.hub.post("/api/v1/points", draft)
        try:
            demo.hub.put("/api/v1/points/foreign/recording", {"calendar": {}})

            def point() -> Any:
                return demo.hub.get("/api/v1/points/foreign")

            wait_until(lambda: point()["camera_state"] == "live", within_s=90, what="it is pulled")
            wait_until(
                lambda: (point()["recording_report"] or {}).get("state") == "recording", within_s=90, what="recorded"
            )
            now = datetime.now(UTC)
            hour = {
                "start": (now - timedelta(minutes=30)).isoformat(),
                "end": (now + timedelta(minutes=30)).isoformat(),
            }
            wait_until(
                lambda: demo.hub.get("/api/v1/points/foreign/recordings", **hour)["recorded"],
                within_s=90,
                what="the hub finds the recording at the box",
            )
        finally:
            demo.hub.delete("/api/v1/points/foreign")
