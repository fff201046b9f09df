"""A camera that answers nonsense costs its own connection and nothing else."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.streams.access_unit import AccessUnit, Codec
from appliance.streams.camera import Camera
from appliance.streams.errors import StreamError
from appliance.streams.rtsp.auth import Credentials
from appliance.streams.rtsp.dialling import Dialler
from appliance.streams.rtsp.messages import Inlet
from appliance.streams.rtsp.session import Approach, RtspSource
from appliance.streams.source import Picture
from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
LIMIT_S = 12.0
PLAYED_S = 1.0
Pulled = Callable[..., AbstractAsyncContextManager[tuple[Camera, list[AccessUnit]]]]
USER = Credentials(username="u", password="p")


def answer(body: bytes = b"", *, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"RTSP/1.0 %s\r\nCSeq: {cseq}\r\n%sContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        headers,
        len(body),
        body,
    )


DESCRIBED = answer(SDP, headers=b"Content-Type: application/sdp\r\n")
SET_UP = answer(headers=b"Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[str]:
    """Serve one camera that gives these bytes, one item per request, the last one again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        following: Iterator[bytes] = itertools.chain(answers, itertools.repeat(answers[-1]))
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                number = request.split(b"CSeq: ")[1].split(b"\r\n")[0]
                writer.write(next(following).replace(b"{cseq}", number))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/cam"
    finally:
        server.close()


class Nobody:
    """Takes pictures and does nothing with them."""

    wants_all = True

    def begin(self, codec: Codec, sets: Sequence[bytes], *, transport: str) -> None:
        pass

    def take(self, picture: Picture) -> None:
        pass


async def play(url: str, *, within_s: float = LIMIT_S, credentials: Credentials = USER) -> None:
    """Pull as a camera does, for at most `within_s`; raise what that raises."""
    dialler = Dialler()
    source = RtspSource(Approach(url=url, credentials=credentials), Nobody(), inlet=Inlet(), dialler=dialler)
    try:
        async with asyncio.timeout(within_s):
            await source.run()
    finally:
        dialler.close()


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((b"\x00" * 4096,), id="zeros"),
        pytest.param((b"HTTP/1.1 400 Bad Request\r\n\r\n",), id="another protocol"),
        pytest.param((b"RTSP/1.0 two hundred\r\n\r\n",), id="no status"),
        pytest.param((b"RTSP/1.0 200 OK\r\nX: " + b"a" * (2 << 20),), id="endless header"),
        pytest.param((b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 100_000,), id="too many headers"),
        pytest.param((b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 999999999999\r\n\r\n",), id="huge body"),
        pytest.param((b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n",), id="negative body"),
        pytest.param((answer(b"\xff\xfe not a description"),), id="no description"),
        pytest.param((answer(b""),), id="empty description"),
        pytest.param((answer(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n"),), id="no video"),
        pytest.param((answer(SDP.replace(b"H264", b"MJPEG")),), id="unknown codec"),
        pytest.param((answer(status="401 Unauthorized", headers=b"WWW-Authenticate: Digest\r\n"),), id="bad challenge"),
        pytest.param((answer(status="401 Unauthorized"),), id="no challenge"),
        pytest.param((answer(status="454 Session Not Found"),), id="refusal"),
        pytest.param((DESCRIBED, answer(status="461 Unsupported Transport")), id="no transport"),
        pytest.param((DESCRIBED, SET_UP, answer() + b"$\x00\xff\xff" + b"\x00" * 10 + b"RTSP"), id="cut packet"),
        pytest.param((DESCRIBED, SET_UP, answer() + b"garbage after play\r\n\r\n" * 9), id="garbage after play"),
    ],
)
async def test_nonsense_ends_the_connection_with_one_stated_error(answers: tuple[bytes, ...]) -> None:
    async with serving(*answers) as url:
        with pytest.raises((StreamError, TimeoutError)) as caught:
            await play(url, within_s=PLAYED_S)

    if isinstance(caught.value, StreamError):
        assert caught.value.reason
    else:
        assert answers[-1].endswith(b"RTSP")  # a packet that never ends is the stall watch's to find


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_random_bytes_in_the_stream_end_nothing_but_the_connection(junk: list[bytes]) -> None:
    async def follow() -> None:
        async with serving(DESCRIBED, SET_UP, answer() + b"".join(junk) + b"\r\n\r\nX\r\n\r\n") as url:
            try:
                await play(url, within_s=0.2)
            except (StreamError, TimeoutError):
                return

    asyncio.run(follow())


async def test_a_camera_that_talks_nonsense_is_tried_again_and_says_why(pulled: Pulled) -> None:
    async with serving(b"nonsense\r\n\r\n") as url:
        spec = CameraSpec(point_id="p1", name="p1", url=url)
        async with pulled(spec) as (camera, _):
            await until(lambda: camera.health.attempts >= 3, within_s=LIMIT_S, what="the third try")
            assert camera.health.state is CameraState.STALLED
            assert camera.health.reason.startswith("protocol_violation: ")
