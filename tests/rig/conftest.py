"""Small clips and running cameras for the rig's own tests."""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.rtsp.clip import Clip, read_clip


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoding = Encoding(width_px=320, height_px=180, fps=Fraction(10), gop_s=0.5)
    return write_pattern(tmp_path_factory.mktemp("clips") / "h264.mp4", encoding, seconds=2)


@pytest.fixture(scope="session")
def clip(clip_file: Path) -> Clip:
    return read_clip(clip_file)


@pytest.fixture(scope="session")
def h265_clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    encoding = Encoding(width_px=320, height_px=180, fps=Fraction(10), gop_s=0.5, codec="h265", preset="ultrafast")
    return read_clip(write_pattern(tmp_path_factory.mktemp("clips") / "h265.mp4", encoding, seconds=2))


@pytest_asyncio.fixture
async def cameras(clip: Clip, h265_clip: Clip) -> AsyncIterator[VirtualCameras]:
    async with virtual_cameras({"cam1": clip, "cam2": h265_clip}) as running:
        yield running
