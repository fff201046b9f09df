"""Token buckets: what may begin when."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.capture.desk import Desk, Settings
from appliance.capture.pacing import Bucket, Gate, Rate, not_full, passed, tokens, wait_s
from appliance.config import CaptureConfig, CaptureLink
from federation.messages import CameraSpec

DOOR = Gate("door", Rate(per_s=2.0, burst=3.0))


def test_a_bucket_lets_its_burst_pass_and_then_its_rate() -> None:
    levels: dict[str, Bucket] = {}
    began: list[float] = []
    now_s = 100.0
    while len(began) < 7:
        pause_s = wait_s(levels, (DOOR,), now_s)
        now_s += pause_s
        if pause_s == 0.0:
            levels.update(passed(levels, (DOOR,), now_s))
            began.append(round(now_s - 100.0, 3))

    assert began == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0]


def test_who_passes_several_gates_waits_for_the_slowest() -> None:
    slow = Gate("slow", Rate(per_s=0.1))
    levels = passed({}, (DOOR, slow), 0.0)

    assert wait_s(levels, (DOOR,), 0.0) == 0.0
    assert round(wait_s(levels, (DOOR, slow), 0.0), 3) == 10.0


def test_a_clock_that_stands_still_gives_no_tokens() -> None:
    levels = passed({}, (DOOR,), 50.0)

    assert tokens(levels, DOOR, 50.0) == tokens(levels, DOOR, 40.0) == 2.0


def test_full_buckets_are_forgotten() -> None:
    levels = {"door": Bucket(1.0, 0.0), "gone": Bucket(0.0, 0.0)}

    assert not_full(levels, {"door": DOOR.rate}, 0.5) == {"door": Bucket(1.0, 0.0)}
    assert not_full(levels, {"door": DOOR.rate}, 1.0) == {}


@given(pauses=st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_never_more_pass_than_burst_and_rate_allow(pauses: list[float]) -> None:
    levels: dict[str, Bucket] = {}
    now_s, passed_count = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        if wait_s(levels, (DOOR,), now_s) == 0.0:
            levels.update(passed(levels, (DOOR,), now_s))
            passed_count += 1

    assert passed_count <= DOOR.rate.burst + now_s * DOOR.rate.per_s + 0.001


@pytest.mark.parametrize(
    ("host", "behind"),
    [
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("192.0.2.7", True),
        ("NVR-East.local", True),
        ("nvr-west.local", False),
        ("2001:db8::5", True),
        ("", False),
    ],
)
def test_which_cameras_are_behind_a_link(host: str, *, behind: bool) -> None:
    link = CaptureLink(name="west", cameras=("10.1.0.0/16", "192.0.2.7", "nvr-east.local", "2001:db8::/64"), per_s=5)

    assert link.leads_to(host) is behind


def test_a_link_that_names_no_network_is_refused() -> None:
    with pytest.raises(ValidationError, match="cameras"):
        CaptureLink(name="west", cameras=("10.1.0.0/40",), per_s=5)


def test_cameras_behind_one_link_share_what_it_carries(tmp_path: Path) -> None:
    link = CaptureLink(name="west", cameras=("10.1.0.0/16",), per_s=0.5)
    settings = Settings(
        run_folder=tmp_path,
        folder=tmp_path,
        index_file=tmp_path / "captures.db",
        capture=CaptureConfig(device_per_s=2, links=(link,)),
    )
    cameras = {
        host: CameraSpec(point_id=host, name=host, url=f"rtsp://{host}/1")
        for host in ("10.1.0.1", "10.1.0.2", "10.2.0.1")
    }
    desk = Desk(settings=settings, camera=cameras.get, report=lambda _point: None)

    gates = {host: desk.gates(host) for host in cameras}
    levels = passed({}, gates["10.1.0.1"], 0.0)

    assert [round(wait_s(levels, gates[host], 0.0), 3) for host in cameras] == [2.0, 2.0, 0.0]
