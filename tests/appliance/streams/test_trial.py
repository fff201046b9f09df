"""One try of a camera, asked for as the agent asks: its first picture, or what is wrong."""

from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.local.trial_client import TrialClient
from appliance.streams.sources import Sources
from appliance.streams.trial import serving
from federation.messages import CameraSpec
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.rtsp.clip import Clip

SpecOf = Callable[..., CameraSpec]


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[TrialClient]:
    sources = Sources()
    async with serving(sources, tmp_path):
        yield TrialClient(tmp_path)
    await sources.close()


@pytest_asyncio.fixture
async def cameras(clip: Clip) -> AsyncIterator[VirtualCameras]:
    async with virtual_cameras({"cam1": clip}, secure=True) as running:
        yield running


async def test_a_good_camera_shows_its_first_picture(
    client: TrialClient, cameras: VirtualCameras, spec_of: SpecOf
) -> None:
    tried = await client.attempt(spec_of(cameras))

    assert (tried.code, tried.codec, tried.width_px, tried.height_px, tried.transport) == ("", "h264", 320, 240, "tcp")
    assert b64decode(tried.key_frame).startswith(b"\0\0\0\1")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "wrong_password"),
        ({"username": "", "password": ""}, "password_needed"),
        ({"url": "rtsp://127.0.0.1:1/"}, "port_closed"),
        ({"url": "gopher://x"}, "bad_address"),
        ({"url": "http://127.0.0.1:1/a.flv"}, "port_closed"),
    ],
)
async def test_what_is_wrong_is_told(
    client: TrialClient, cameras: VirtualCameras, spec_of: SpecOf, changes: dict[str, str], code: str
) -> None:
    tried = await client.attempt(spec_of(cameras, **changes))

    assert (tried.code, tried.key_frame) == (code, "")
    assert tried.detail


async def test_the_certificate_of_a_camera_that_is_not_trusted_is_told_so_that_it_can_be(
    client: TrialClient, cameras: VirtualCameras, spec_of: SpecOf
) -> None:
    refused = await client.attempt(spec_of(cameras, url=cameras.secure_url("cam1")))
    trusted = await client.attempt(spec_of(cameras, url=cameras.secure_url("cam1"), trust=refused.certificate))

    assert (refused.code, refused.certificate) == ("untrusted", f"sha256:{cameras.fingerprint}")
    assert (trusted.code, trusted.transport) == ("", "tls")


async def test_a_try_leaves_no_connection_behind(client: TrialClient, cameras: VirtualCameras, spec_of: SpecOf) -> None:
    await client.attempt(spec_of(cameras))

    assert cameras.figures("cam1").connects == 1
