"""Whatever is sent to the API, it answers as its OpenAPI document says, and never with a 5xx."""

import asyncio
import queue
import tempfile
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.app import RunningHub, open_hub
from hub.config import HubConfig, make_config
from tests.hub.conftest import running_postgres

START_WITHIN_S = 60
KNOWN = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# Every text is right for these: nothing wrong can be made up for whom only they are sent to.
ANYTHING = ({"type": "string"}, {"type": "string", "format": "binary"})
# They would end or lock the session that the others are called with.
NOT_AS_ADMINISTRATOR = {"sign_in", "sign_out", "change_password"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A hub that serves in another thread, and how its administrator calls it."""

    url: str
    document: dict[str, Any]
    headers: dict[str, str]
    node_url: str
    node_document: dict[str, Any]
    authority: Path


@contextmanager
def _hub_in_a_thread(config: HubConfig) -> Iterator[RunningHub]:
    started: queue.Queue[tuple[RunningHub, asyncio.AbstractEventLoop, asyncio.Event] | BaseException] = queue.Queue()

    async def serve() -> None:
        async with open_hub(config) as running:
            stopped = asyncio.Event()
            started.put((running, asyncio.get_running_loop(), stopped))
            await stopped.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            started.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    answer = started.get(timeout=START_WITHIN_S)
    if isinstance(answer, BaseException):
        raise answer
    running_hub, loop, stopped = answer
    try:
        yield running_hub
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(START_WITHIN_S)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as folder:
        values: dict[str, Any] = {
            "data_folder": "data",
            "offer_shipped": False,
            "http": {"port": 0},
            "log_level": "error",
            "discovery": {"enabled": False},
            "fleet": {"enrolments_per_minute": 1e6},
        }
        if request.param == "sqlite":
            with _site(Path(folder), values) as built:
                yield built
        else:
            with running_postgres() as server:
                values["database_url"] = server.create_database("contract")
                with _site(Path(folder), values) as built:
                    yield built


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    # Or wrong credentials would be made up and sent beside ours.
    del document["components"]["securitySchemes"]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return document


@contextmanager
def _site(folder: Path, values: dict[str, Any]) -> Iterator[Site]:
    config = make_config(values, folder=folder)
    with _hub_in_a_thread(config) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        first = (config.data_folder / "first-password").read_text().strip()
        session = client.post("/api/v1/session", json={"username": "admin", "password": first}).json()
        client.headers["X-CSRF-Token"] = session["csrf_token"]
        change = {"old": first, "new": "a-tower-on-a-hill"}
        client.put("/api/v1/session/password", json=change).raise_for_status()
        cookie = f"fengsui_session={client.cookies['fengsui_session']}"
        headers = {"Cookie": cookie, "X-CSRF-Token": session["csrf_token"]}
        yield Site(
            url=running.url,
            document=_without_security(client.get("/api/openapi.json").json()),
            headers=headers,
            node_url=running.node_url,
            node_document=_without_security(running.hub.node_api.openapi()),
            authority=config.broker_folder / "ca",
        )


def _try_everything(site: Site, *, examples: int, leave_out: set[str], headers: dict[str, str]) -> Counter[int]:
    return _try_all_of(site.document, site.url, examples=examples, leave_out=leave_out, headers=headers)


def _try_all_of(
    document: dict[str, Any],
    url: str,
    *,
    examples: int,
    leave_out: Collection[str] = (),
    headers: dict[str, str],
    verify: str | None = None,
) -> Counter[int]:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    answers: Counter[int] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.definition.raw["operationId"] in leave_out:
            continue
        _try(operation, examples=examples, headers=headers, answers=answers, verify=verify)
    return answers


def _try(operation: Any, *, examples: int, headers: dict[str, str], answers: Counter[int], verify: str | None) -> None:
    for mode in _modes(operation.definition.raw):

        @hypothesis.seed(1)
        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            response = case.call(headers=headers, timeout=60, allow_redirects=False, verify=verify)
            answers[response.status_code] += 1
            case.validate_response(response, checks=KNOWN)

        send()


def _modes(operation: dict[str, Any]) -> tuple[GenerationMode, ...]:
    """Return whether right and wrong, or only right things can be sent: searching for what is not there takes long."""
    taken = [each["schema"] for each in operation.get("parameters", ())]
    taken += [each["schema"] for each in operation.get("requestBody", {}).get("content", {}).values()]
    only_right = all(schema in ANYTHING for schema in taken)
    return (GenerationMode.POSITIVE,) if only_right else (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def test_an_administrator_is_answered_as_documented(site: Site) -> None:
    answers = _try_everything(site, examples=2, leave_out=NOT_AS_ADMINISTRATOR, headers=site.headers)

    assert {200, 201, 404, 422} <= answers.keys()
    assert 401 not in answers


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)  # who is nobody reaches no database
def test_a_stranger_is_answered_as_documented(site: Site) -> None:
    answers = _try_everything(site, examples=1, leave_out=set(), headers={})

    assert set(answers) <= {400, 401, 403, 404, 405, 415, 422, 429}


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_stranger_at_the_port_for_nodes_is_answered_as_documented(site: Site) -> None:
    answers = _try_all_of(site.node_document, site.node_url, examples=3, headers={}, verify=str(site.authority))

    assert {401, 422} <= answers.keys() <= {400, 401, 403, 404, 405, 409, 415, 422, 429}
