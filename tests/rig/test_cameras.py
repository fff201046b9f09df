import asyncio
import hashlib
import socket
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import pytest

from federation.testing.waiting import until
from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.errors import ControlError
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.rtsp.challenge import Credentials
from hil_tests.rig.rtsp.clip import Clip, read_clip


def pull(url: str, transport: str, count: int, *, silent_s: int = 60) -> list[tuple[bool, int]]:
    """Decode `count` pictures with FFmpeg and return (is key, pts in 90 kHz ticks)."""
    options = {
        "rtsp_transport": transport,
        "timeout": str(silent_s * 1_000_000),
        "analyzeduration": "0",
        "probesize": "32768",
    }
    seen = []
    with av.open(url, options=options) as container:
        for frame in container.decode(video=0):
            seen.append((bool(frame.key_frame), int(frame.pts or 0)))
            if len(seen) == count:
                break
    return seen


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("name", ["cam1", "cam2"])
async def test_ffmpeg_gets_pictures_from_a_key_picture_on(cameras: VirtualCameras, name: str, transport: str) -> None:
    seen = await asyncio.to_thread(pull, cameras.url_with_password(name), transport, 6)

    assert seen[0][0]
    assert len(seen) == 6


async def test_time_goes_on_over_the_seam_of_the_loop(cameras: VirtualCameras) -> None:
    seen = await asyncio.to_thread(pull, cameras.url_with_password("cam1"), "tcp", 30)

    steps = {later[1] - earlier[1] for earlier, later in pairwise(seen)}
    assert steps == {9000}


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(username="camera", password="wrong-password"),
        Credentials(username="nobody", password="secret-12345"),
    ],
)
async def test_a_wrong_user_or_password_is_refused(clip: Clip, credentials: Credentials) -> None:
    right = Credentials(username="camera", password="secret-12345")

    async with virtual_cameras({"cam1": clip}, credentials=right) as cameras:
        url = f"rtsp://{credentials.username}:{credentials.password}@127.0.0.1:{cameras.port}/cam1"
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(pull, url, "tcp", 1)


async def test_an_unknown_camera_is_not_found(cameras: VirtualCameras) -> None:
    with pytest.raises(av.error.HTTPNotFoundError):
        await asyncio.to_thread(pull, cameras.url_with_password("cam9"), "tcp", 1)


async def test_a_camera_that_is_being_prepared_says_so(cameras: VirtualCameras) -> None:
    cameras.announce("cam3")

    answer = await say(cameras, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    with pytest.raises(av.error.HTTPServerError):
        await asyncio.to_thread(pull, cameras.url_with_password("cam3"), "tcp", 1)
    with pytest.raises(ControlError, match="still being prepared"):
        cameras.behave("cam3", state="stopped")

    assert answer.startswith("RTSP/1.0 200 OK")


async def test_the_url_holds_no_password(cameras: VirtualCameras) -> None:
    assert cameras.credentials.password not in cameras.url("cam1")
    assert cameras.credentials.password not in repr(cameras.credentials)


async def say(cameras: VirtualCameras, text: str) -> str:
    """Send raw bytes and return what comes until the server closes or answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", cameras.port)
    try:
        writer.write(text.encode("latin-1"))
        async with asyncio.timeout(60):
            return (await reader.read(4096)).decode()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\r\n\r\n",
        "DESCRIBE rtsp://x/cam1 RTSP/1.0\r\n\r\n",
        "DESCRIBE rtsp://x/cam1\n RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "DESCRIBE rtsp://x/cam1 RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n",
        "DESCRIBE rtsp://x/cam1 RTSP/1.0\r\nCSeq: ²\r\n\r\n",
        "DESCRIBE rtsp://x/cam1 RTSP/1.0\r\nCSeq: 1\r\nno colon\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: " + "x" * 20_000 + "\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\n" + "CSeq: 1\r\n" * 100 + "\r\n",
    ],
)
async def test_what_is_no_rtsp_request_is_answered_400(cameras: VirtualCameras, text: str) -> None:
    answer = await say(cameras, text)

    assert answer.startswith("RTSP/1.0 400 Bad Request")


async def test_nothing_is_described_without_credentials(cameras: VirtualCameras) -> None:
    answer = await say(cameras, "DESCRIBE rtsp://127.0.0.1/cam1 RTSP/1.0\r\nCSeq: 7\r\n\r\n")

    assert answer.startswith("RTSP/1.0 401 Unauthorized")
    assert "CSeq: 7" in answer
    assert "m=video" not in answer


class Puller:
    """Counts the pictures that a connection brings, until it ends."""

    def __init__(self, url: str) -> None:
        self.count = 0
        self.ended = False
        self._url = url

    def run(self) -> None:
        options = {"rtsp_transport": "tcp", "timeout": "4000000", "analyzeduration": "0", "probesize": "32768"}
        try:
            with av.open(self._url, options=options) as container:
                for packet in container.demux(video=0):
                    self.count += packet.size > 0
        except av.error.FFmpegError:
            pass
        self.ended = True


@pytest.mark.parametrize("action", ["stop", "kill-connections"])
async def test_a_camera_that_goes_away_ends_its_connections(cameras: VirtualCameras, action: str) -> None:
    puller = Puller(cameras.url_with_password("cam1"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(puller.run))
        await until(lambda: puller.count > 2, within_s=60, what="the first pictures")

        if action == "stop":
            cameras.behave("cam1", state="stopped")
        else:
            assert cameras.kill_connections("cam1") == 1

        await until(lambda: puller.ended, within_s=60, what="the end of the connection")


async def test_a_camera_that_stopped_answers_nobody_and_comes_back(cameras: VirtualCameras) -> None:
    url = cameras.url_with_password("cam1")
    cameras.behave("cam1", state="stopped")

    with pytest.raises(av.error.FFmpegError):
        await asyncio.to_thread(pull, url, "tcp", 1, silent_s=5)
    cameras.behave("cam1", state="live")
    seen = await asyncio.to_thread(pull, url, "tcp", 3)

    assert len(seen) == 3


async def test_a_frozen_camera_keeps_its_connection_and_sends_nothing(cameras: VirtualCameras) -> None:
    puller = Puller(cameras.url_with_password("cam1"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(puller.run))
        await until(lambda: puller.count > 2, within_s=60, what="the first pictures")

        cameras.behave("cam1", state="frozen")
        sent = cameras.figures("cam1").sent_units
        await until(lambda: puller.ended, within_s=60, what="the client's own time-out")

        assert cameras.figures("cam1").sent_units == sent


async def test_an_unknown_name_is_told_with_the_known_ones(cameras: VirtualCameras) -> None:
    with pytest.raises(ControlError, match="cam1, cam2"):
        cameras.behave("cam7", state="frozen")


async def test_a_viewer_that_reads_nothing_is_dropped_frames_and_hinders_nobody(tmp_path: Path) -> None:
    encoding = Encoding(width_px=640, height_px=360, fps=Fraction(25), gop_s=0.4, preset="ultrafast", crf=8)
    heavy = read_clip(write_pattern(tmp_path / "heavy.mp4", encoding, seconds=1, noise=120))

    async with virtual_cameras({"cam1": heavy}) as cameras:
        lazy = await lazy_viewer(cameras)
        await until(lambda: cameras.figures("cam1").dropped_units > 5, within_s=60, what="dropped units")
        seen = await asyncio.to_thread(pull, cameras.url_with_password("cam1"), "tcp", 10)
        lazy.close()

    assert len(seen) == 10


async def lazy_viewer(cameras: VirtualCameras) -> socket.socket:
    """Play cam1 with a tiny receive buffer and never read the pictures."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(link, ("127.0.0.1", cameras.port))
    url = cameras.url("cam1")
    nonce = ""
    session = ""
    for number, (method, more) in enumerate(
        [("DESCRIBE", ""), ("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), ("PLAY", "")], start=1
    ):
        target = url + "/trackID=0" if method == "SETUP" else url
        if not nonce:
            await loop.sock_sendall(link, f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 0\r\n\r\n".encode())
            nonce = (await loop.sock_recv(link, 4096)).decode().split('nonce="')[1].split('"')[0]
        request = f"{method} {target} RTSP/1.0\r\nCSeq: {number}\r\n{more}{session}"
        request += f"Authorization: {proof(cameras.credentials, nonce, method, target)}\r\n\r\n"
        await loop.sock_sendall(link, request.encode())
        answer = (await loop.sock_recv(link, 4096)).decode("latin-1")
        assert answer.startswith("RTSP/1.0 200"), answer
        if method == "SETUP":
            session = "Session: " + answer.split("Session: ")[1].split(";")[0] + "\r\n"
    return link


def proof(credentials: Credentials, nonce: str, method: str, uri: str) -> str:
    """Return the Authorization header of RFC 2617, computed apart from the server's own code."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    realm = "Fengsui virtual camera"
    answer = md5(f"{md5(f'{credentials.username}:{realm}:{credentials.password}')}:{nonce}:{md5(f'{method}:{uri}')}")
    return (
        f'Digest username="{credentials.username}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{answer}"'
    )


async def test_pictures_of_many_viewers_share_one_timeline(cameras: VirtualCameras) -> None:
    url = cameras.url_with_password("cam1")

    async with asyncio.TaskGroup() as tasks:
        pulls = [tasks.create_task(asyncio.to_thread(pull, url, "tcp", 5)) for _ in range(4)]

    assert [len(task.result()) for task in pulls] == [5, 5, 5, 5]
    await until(lambda: cameras.figures("cam1").viewers == 0, within_s=60, what="all viewers gone")
