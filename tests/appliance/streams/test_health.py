"""A camera's state as its stream shows it, by a clock that the test owns."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.streams.access_unit import CodecParameters
from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable, Violation
from appliance.streams.health import KEY_WITHIN_S, STALL_S, USABLE_WITHIN_S, Health
from appliance.streams.source import Traffic
from federation.messages import CameraState

START = datetime(2026, 1, 1, tzinfo=UTC)
SIZED = CodecParameters(codec="h264", width_px=1920, height_px=1080)


def playing(at_s: float = 0.0) -> Health:
    health = Health("p1")
    health.attempt()
    health.described(SIZED)
    health.began(at_s, transport="tcp")
    return health


def show(health: Health, at_s: float, *, key: bool = False, usable: bool = True) -> None:
    health.picture(at_s, key=key, pts=round(at_s * 90_000), usable=usable)
    if usable:
        health.turn_live(START + timedelta(seconds=at_s))


def test_a_camera_is_live_only_once_a_picture_has_come() -> None:
    health = playing()
    before = health.state

    health.picture(1.0, key=False, pts=0, usable=False)
    unusable = health.state
    show(health, 2.0, key=True)

    assert (before, unusable, health.state) == (CameraState.CONNECTING, CameraState.CONNECTING, CameraState.LIVE)


def test_silence_is_a_stall_after_four_seconds_and_not_before() -> None:
    health = playing()
    show(health, 1.0, key=True)

    overdue = health.overdue(1.0 + STALL_S + 0.01)

    assert health.overdue(1.0 + STALL_S) is None
    assert isinstance(overdue, Stalled)
    assert overdue.code == "no_pictures"


def test_a_camera_that_agrees_and_never_sends_is_a_stall_too() -> None:
    assert playing().overdue(STALL_S + 0.01) is not None


def test_an_attempt_that_does_not_play_yet_is_not_overdue() -> None:
    health = Health("p1")
    health.attempt()

    assert health.overdue(1000.0) is None


@pytest.mark.parametrize(
    ("first_is_key", "limit_s", "code"), [(False, KEY_WITHIN_S, "no_key_frame"), (True, USABLE_WITHIN_S, "damaged")]
)
def test_pictures_that_nobody_can_use_are_a_stall(first_is_key: bool, limit_s: float, code: str) -> None:  # noqa: FBT001
    health = playing()
    show(health, 0.0, key=first_is_key, usable=first_is_key)
    step = 0
    while (overdue := health.overdue(step * 0.5)) is None:
        step += 1
        show(health, step * 0.5, usable=False)

    assert overdue.code == code
    assert limit_s < step * 0.5 <= limit_s + 0.5


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Refused("wrong_password", "no"), CameraState.REFUSED),
        (Unreachable("no_host", "no"), CameraState.UNREACHABLE),
        (Stalled("no_pictures", "no"), CameraState.STALLED),
        (Violation("no"), CameraState.STALLED),
    ],
)
def test_each_failure_has_its_state_and_its_reason(error: StreamError, state: CameraState) -> None:
    health = playing()
    show(health, 1.0, key=True)

    assert health.failed(error, START)
    assert (health.state, health.reason) == (state, error.reason)
    assert not health.failed(error, START)


def test_a_camera_that_is_tried_again_stays_what_it_was_until_a_picture_comes() -> None:
    health = playing()
    health.failed(Unreachable("no_host", "no"), START)

    health.attempt()
    health.began(5.0, transport="tcp")
    tried = health.state
    show(health, 6.0, key=True)

    assert (tried, health.state, health.reason) == (CameraState.UNREACHABLE, CameraState.LIVE, "")


def test_the_time_of_a_state_stays_while_only_its_reason_changes() -> None:
    health = playing()
    health.failed(Unreachable("no_host", "no"), START)

    health.failed(Unreachable("port_closed", "no"), START + timedelta(hours=1))

    assert health.report(9.0).since == START


def test_figures_are_measured_on_the_stream() -> None:
    health = playing()
    for number in range(26 * 4):
        at_s = number / 25
        show(health, at_s, key=number % 50 == 0)
        if number % 10 == 0:
            health.sample(at_s, Traffic(received_bytes=number * 20_000, packets=number * 15, lost=number // 10))

    report = health.report(4.2)

    assert report.fps == 25.0
    assert report.bitrate_kbps == 4000.0
    assert report.gop_s == 2.0
    assert report.key_frame_age_s == 0.2
    assert report.unit_age_s == 0.08
    assert 0.005 < report.loss_share < 0.008
    assert report.packets_lost == 10
    assert (report.codec, report.width_px, report.height_px, report.transport) == ("h264", 1920, 1080, "tcp")


def test_what_was_lost_before_a_reconnect_stays_counted_and_coming_back_is_counted() -> None:
    health = playing()
    show(health, 1.0, key=True)
    health.sample(1.0, Traffic(packets=90, lost=10))
    health.failed(Stalled("no_pictures", "no"), START)

    health.attempt()
    health.began(9.0, transport="udp")
    show(health, 10.0, key=True)
    health.sample(10.0, Traffic(packets=10, lost=1))
    report = health.report(10.0)

    assert (report.packets_lost, report.reconnects, report.transport) == (11, 1, "udp")


def test_a_dead_camera_shows_no_old_figures() -> None:
    health = playing()
    for number in range(50):
        show(health, number / 25, key=number == 0)
        health.sample(number / 25, Traffic(received_bytes=number * 1000))
    health.failed(Unreachable("connection_lost", "gone"), START)

    report = health.report(100.0)

    assert (report.fps, report.bitrate_kbps) == (0.0, 0.0)
    assert report.unit_age_s == pytest.approx(98.04)


def test_a_stream_that_does_not_say_its_size_is_live_with_a_word_of_warning() -> None:
    health = playing()
    health.described(CodecParameters(codec="h264"))

    show(health, 1.0, key=True)

    assert health.state is CameraState.LIVE
    assert health.reason.startswith("unreadable_parameters: ")


def test_of_a_camera_that_was_never_seen_nothing_new_is_told_while_it_stays_away() -> None:
    health = Health("p1")
    health.attempt()
    health.failed(Unreachable("no_host", "no"), START)

    told = [health.report(at_s) for at_s in (0.0, 1.0, 100.0, 10_000.0)]

    assert all(report is told[0] for report in told)
