"""Bytes over HTTP by digest, asked for by a client that is not ours."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from federation.artifacts import ByteRange, Served, send_artifact
from federation.http import Problem

CONTENT = bytes(range(256)) * 4000  # several pieces
DIGEST = "sha256:" + "ab" * 32
ETAG = f'"{DIGEST}"'


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    path = tmp_path / "file"
    await asyncio.to_thread(path.write_bytes, CONTENT)

    async def give(request: web.Request) -> web.StreamResponse:
        served = Served(path=path, digest=DIGEST, size_bytes=len(CONTENT))
        try:
            return await send_artifact(request, served, holds=_lacks_the_last if "partial" in request.path else None)
        except Problem as problem:
            return problem.response()

    app = web.Application()
    app.router.add_get("/whole", give)
    app.router.add_get("/partial", give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", timeout=60) as opened:
        yield opened
    await runner.cleanup()


def _lacks_the_last(asked: ByteRange) -> bool:
    return asked.start_bytes + asked.length_bytes < len(CONTENT)


async def test_the_whole_comes_with_its_digest_as_entity_tag(client: httpx.AsyncClient) -> None:
    answer = await client.get("/whole")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert (answer.headers["ETag"], answer.headers["Accept-Ranges"]) == (ETAG, "bytes")


async def test_head_tells_the_length_and_sends_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.head("/whole")

    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, str(len(CONTENT)), b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=300000-900000", 300_000, 900_001),
        ("bytes=-5", -5, None),
        ("bytes=1000000-", 10**6, None),
    ],
)
async def test_a_range_comes_alone(client: httpx.AsyncClient, asked: str, start: int, end: int | None) -> None:
    answer = await client.get("/whole", headers={"Range": asked, "If-Range": ETAG})

    expected = CONTENT[start:end]
    first = len(CONTENT) + start if start < 0 else start
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(CONTENT)}"


async def test_a_range_of_other_content_gives_the_whole(client: httpx.AsyncClient) -> None:
    answer = await client.get("/whole", headers={"Range": "bytes=0-0", "If-Range": '"sha256:other"'})

    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


async def test_a_range_outside_is_refused_with_the_size(client: httpx.AsyncClient) -> None:
    answer = await client.get("/whole", headers={"Range": f"bytes={len(CONTENT)}-"})

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


async def test_who_has_it_gets_nothing_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/whole", headers={"If-None-Match": ETAG})

    assert (answer.status_code, answer.content) == (304, b"")


async def test_of_a_partial_file_only_what_is_held_is_given(client: httpx.AsyncClient) -> None:
    held = await client.get("/partial", headers={"Range": "bytes=0-99"})
    lacking = await client.get("/partial", headers={"Range": "bytes=1000000-"})
    whole = await client.get("/partial")

    assert (held.status_code, lacking.status_code, whole.status_code) == (206, 404, 404)
    assert lacking.json()["code"] == "not_held"


async def test_a_file_that_ends_early_breaks_the_answer_off(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "file").write_bytes, CONTENT[:400_000])

    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/whole")
