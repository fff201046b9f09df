"""The pages of a single-page application beside the API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from federation.http import PUBLIC, Api, Routes, make_app
from federation.http.single_page import SinglePage


class Nobody:
    async def authenticate(self, request: object) -> None:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "assets" / "app-1a2b.js").write_text("run()")
    return folder


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[TestClient[Any, Any]]:
    part = Routes(tag="things")

    @part.post("/api/v1/thing", access=PUBLIC)
    async def make_thing() -> None:
        """Do nothing."""

    app = make_app(Api(title="t", version="1", parts=(part,), authenticator=Nobody()))
    SinglePage(folder=folder, title="门户").add_to(app)
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/", "/events", "/events/42", "/apiary"])
async def test_every_address_of_a_page_gives_the_index(client: TestClient[Any, Any], path: str) -> None:
    answer = await client.get(path)

    assert (answer.status, await answer.text()) == (200, "<title>page</title>")
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_hashed_files_are_kept_for_ever(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/assets/app-1a2b.js")

    assert answer.status == 200
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/assets/gone.js", "/assets/gone", "/favicon.ico", "/api/v1/none", "/api"])
async def test_what_is_not_there_is_no_page(client: TestClient[Any, Any], path: str) -> None:
    answer = await client.get(path)

    assert answer.status == 404
    assert answer.content_type == "application/problem+json"


async def test_the_api_keeps_its_own_405(client: TestClient[Any, Any]) -> None:
    answer = await client.get("/api/v1/thing")

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/../secret.txt", "/assets/..%2f..%2fsecret.txt", "/%2e%2e/secret.txt", "/a%00b.txt"])
async def test_nothing_outside_the_folder_is_given(client: TestClient[Any, Any], path: str) -> None:
    url = URL(f"http://127.0.0.1:{client.port}{path}", encoded=True)
    async with ClientSession() as session, session.get(url) as answer:
        text = await answer.text()

    assert answer.status in {400, 404}
    assert "outside" not in text


async def test_unbuilt_pages_say_so(client: TestClient[Any, Any], folder: Path) -> None:
    (folder / "index.html").unlink()

    answer = await client.get("/")

    assert answer.status == 503
    assert "界面尚未构建" in await answer.text()
