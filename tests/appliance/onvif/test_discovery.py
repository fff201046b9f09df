"""Finding ONVIF cameras by WS-Discovery over real multicast on the loopback interface."""

from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from appliance.onvif import discover
from appliance.onvif.discovery import read_matches
from appliance.onvif.values import Found
from federation.testing.waiting import until
from hil_tests.rig.onvif import SimulatedCamera, answering_probes, served
from hil_tests.rig.onvif.answers import probe_match

LOOPBACK = "127.0.0.1"


def camera(number: int) -> SimulatedCamera:
    """Return one of several cameras."""
    return SimulatedCamera(
        name=f"camera {number}", serial=f"sim-{number}", stream_url="rtsp://127.0.0.1/1", picture=lambda _view: b""
    )


async def test_cameras_of_the_network_are_found_each_once() -> None:
    async with AsyncExitStack() as stack:
        cameras = [await stack.enter_async_context(served(camera(number))) for number in (1, 2, 3)]
        port = await stack.enter_async_context(answering_probes(cameras, port=0))

        async def all_of_them() -> tuple[Found, ...]:
            found = await discover(within_s=1.0, addresses=[LOOPBACK], port=port)
            return found if len(found) >= len(cameras) else ()

        # A search waits no longer for cameras that a busy machine keeps from answering; a person searches again.
        found = await until(all_of_them, within_s=60, what="an answer of every camera")

    assert sorted(one.urls[0] for one in found) == sorted(one.url for one in cameras)
    assert {one.name for one in found} == {"camera 1", "camera 2", "camera 3"}
    assert {one.hardware for one in found} == {"virtual"}


async def test_a_network_without_cameras_has_none() -> None:
    async with answering_probes([], port=0) as port:
        assert await discover(within_s=0.2, addresses=[LOOPBACK], port=port) == ()


async def test_an_interface_that_is_gone_is_passed_over() -> None:
    async with answering_probes([], port=0) as port:
        assert await discover(within_s=0.2, addresses=["192.0.2.9", LOOPBACK], port=port) == ()


@given(st.binary(max_size=300))
def test_garbage_is_no_camera(content: bytes) -> None:
    assert read_matches(content) == ()


@given(st.from_regex(r"[ -~é烽]{0,60}", fullmatch=True))
def test_an_address_that_is_none_is_not_taken(url: str) -> None:
    found = read_matches(probe_match(camera(1), url=f"{url} http://[::1 ftp://x/", endpoint="e", relates_to="q"))

    assert all(one.startswith(("http://", "https://")) for match in found for one in match.urls)
