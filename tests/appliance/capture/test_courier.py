"""Pictures on their way to a service that their plan names: a real one over HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from appliance.capture import index
from appliance.capture.courier import Courier
from appliance.capture.index import Kept, Snapshot
from appliance.capture.order import Order, Origin, Shot
from appliance.capture.reach import ForbiddenAddress, check
from appliance.capture.schema import migrations
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder, digest_of
from federation.messages import CaptureTarget, Want, new_id
from federation.testing.waiting import until

NOW = datetime.now(UTC)


@dataclass(kw_only=True)
class Service:
    """Takes pictures, or answers with what `statuses` say first. It answers while it is `open`."""

    url: str
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        content = await request.read()
        await self.open.wait()
        self.taken.append((f"{request.method} {request.path_qs}", dict(request.headers), content))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})


@asynccontextmanager
async def on_air() -> AsyncIterator[Service]:
    service = Service(url="")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.open.set()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        service.open.set()
        await runner.cleanup()


@dataclass(kw_only=True)
class Work:
    """A shelf with pictures, and a courier that takes them on."""

    database: Database
    pictures: PictureFolder
    courier: Courier
    targets: dict[str, CaptureTarget]

    async def add(self, plan_id: str = "plan", *, settled_at: datetime = NOW) -> Snapshot:
        order = Order(
            id=new_id(),
            point_id="gate",
            want=Want(),
            origin=Origin.PLAN,
            asked_at=NOW,
            plan_id=plan_id,
            delivered=True,
        )
        content = b"\xff\xd8" + order.id.encode()
        (digest,) = await asyncio.to_thread(self.pictures.put_all, [content])
        shot = Shot(content=content, width_px=4, height_px=3, taken_at=NOW)
        return await self.database.run(lambda db: index.settle(db, order, Kept(shot=shot, digest=digest), settled_at))

    async def ended(self, snapshot: Snapshot) -> Snapshot:
        """Wait until a picture is delivered, or never will be."""

        async def has_ended() -> Snapshot | None:
            found = await self.database.read(lambda db: index.find(db, snapshot.id))
            return found if found is not None and found.delivery != "waiting" else None

        found = await until(has_ended, within_s=90, what="a delivery that has ended")
        assert isinstance(found, Snapshot)
        return found


@asynccontextmanager
async def at_work(folder: Path, *, to_this_box: bool = True, within_s: float = 30.0) -> AsyncIterator[Work]:
    targets: dict[str, CaptureTarget] = {}
    async with Database(folder / "captures.db", migrations) as database, asyncio.TaskGroup() as group:
        pictures = PictureFolder(root=folder / "pictures")
        courier = Courier(
            database=database,
            pictures=pictures,
            target=targets.get,
            to_this_box=to_this_box,
            first_pause_s=0.05,
            within_s=within_s,
        )
        running = group.create_task(courier.run())
        yield Work(database=database, pictures=pictures, courier=courier, targets=targets)
        running.cancel()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with on_air() as running:
        yield running


async def test_a_service_gets_the_picture_with_who_and_when_and_the_token(tmp_path: Path, service: Service) -> None:
    async with at_work(tmp_path) as work:
        url = f"{service.url}/in/{{point}}/{{snapshot}}.jpg?x=1"
        work.targets["plan"] = CaptureTarget(url=url, method="PUT", token="key-of-the-pool")
        snapshot = await work.add()
        ended = await work.ended(snapshot)

    ((asked, headers, content),) = service.taken
    assert ended.delivery == "done"
    assert asked == f"PUT /in/gate/{snapshot.id}.jpg?x=1"
    assert digest_of(content) == snapshot.digest
    assert headers["Authorization"] == "Bearer key-of-the-pool"
    assert (headers["Fengsui-Point"], headers["Fengsui-Plan"], headers["Idempotency-Key"]) == (
        "gate",
        "plan",
        snapshot.id,
    )
    assert datetime.fromisoformat(headers["Fengsui-Taken-At"]) == snapshot.taken_at
    assert headers["Content-Digest"].startswith("sha-256=:")


async def test_a_service_that_fails_is_asked_again_until_it_takes_the_picture(tmp_path: Path, service: Service) -> None:
    service.statuses = [503, 401, 429]
    async with at_work(tmp_path) as work:
        work.targets["plan"] = CaptureTarget(url=f"{service.url}/")
        ended = await work.ended(await work.add())

    assert (ended.delivery, ended.delivery_attempts, ended.delivery_reason) == ("done", 4, "")
    assert len({content for _, _, content in service.taken}) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (422, "refused: the service answers 422"),
        (413, "refused: the service answers 413"),
        (302, "redirected: the service answers 302; enter the address it leads to"),
    ],
)
async def test_what_a_service_will_never_take_is_given_up_at_once(
    tmp_path: Path, service: Service, status: int, reason: str
) -> None:
    service.statuses = [status]
    async with at_work(tmp_path) as work:
        work.targets["plan"] = CaptureTarget(url=f"{service.url}/")
        ended = await work.ended(await work.add())

    assert (ended.delivery, ended.delivery_reason) == ("failed", reason)
    assert len(service.taken) == 1  # it is not followed to where it points


async def test_a_picture_that_waited_for_a_day_is_given_up_with_the_last_reason(
    tmp_path: Path, service: Service
) -> None:
    service.statuses = [503] * 5
    async with at_work(tmp_path) as work:
        work.targets["plan"] = CaptureTarget(url=f"{service.url}/")
        ended = await work.ended(await work.add(settled_at=NOW - timedelta(hours=25)))

    reason = "given_up: not taken within 24 hours; the last time service_failed: the service answers 503"
    assert (ended.delivery, ended.delivery_reason, len(service.taken)) == ("failed", reason, 1)


async def test_without_a_target_or_a_picture_nothing_is_delivered_and_that_is_told(tmp_path: Path) -> None:
    async with at_work(tmp_path) as work:
        work.targets["plan"] = CaptureTarget(url="http://127.0.0.1:1/")  # where nobody answers
        without = await work.ended(await work.add("without"))
        lost = await work.add()
        await asyncio.to_thread(work.pictures.remove, lost.digest or "")
        ended = await work.ended(lost)

    assert without.delivery_reason == "no_target: its plan names no service any more"
    assert ended.delivery_reason == "no_picture: the picture was removed before it could be delivered"


async def test_a_service_that_does_not_answer_keeps_no_other_waiting(tmp_path: Path, service: Service) -> None:
    async with on_air() as stuck, at_work(tmp_path, within_s=20) as work:
        stuck.open.clear()
        work.targets.update(
            stuck=CaptureTarget(url=f"{stuck.url}/"),
            plan=CaptureTarget(url=f"{service.url}/"),
        )
        for _ in range(40):
            await work.add("stuck")
        ended = await work.ended(await work.add())

        assert ended.delivery == "done"
        assert stuck.taken == []


async def test_silence_is_told_as_such(tmp_path: Path, service: Service) -> None:
    service.open.clear()
    async with at_work(tmp_path, within_s=0.2) as work:
        work.targets["plan"] = CaptureTarget(url=f"{service.url}/")
        ended = await work.ended(await work.add(settled_at=NOW - timedelta(hours=25)))

    assert ended.delivery_reason.endswith("no_answer: the service has not answered within 0.2 s")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
async def test_nothing_goes_to_the_box_itself_or_to_link_local_addresses(
    tmp_path: Path, service: Service, host: str
) -> None:
    async with at_work(tmp_path, to_this_box=False) as work:
        work.targets["plan"] = CaptureTarget(url=f"http://{host}:{service.url.rpartition(':')[2]}/")
        ended = await work.ended(await work.add())

    assert ended.delivery == "failed"
    assert ended.delivery_reason.startswith("forbidden_address: nothing is delivered to ")
    assert service.taken == []


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("192.168.1.5", True),
        ("10.0.0.1", True),
        ("2001:db8::1", True),
        ("pool.example", True),  # it is looked at when it is resolved
        ("100.100.100.200", False),  # where Alibaba Cloud gives away keys
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("::", False),
    ],
)
def test_which_addresses_are_good(host: str, *, allowed: bool) -> None:
    def refused(work: Callable[[], None]) -> bool:
        try:
            work()
        except ForbiddenAddress:
            return True
        return False

    assert refused(lambda: check(host, to_this_box=False)) is not allowed
    assert refused(lambda: check(host, to_this_box=True)) is not allowed


def test_the_boxs_own_address_on_its_network_is_not_delivered_to_unless_it_is_allowed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it chooses the address to send from
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = probe.getsockname()[0]

    check(own, to_this_box=True)
    with pytest.raises(ForbiddenAddress):
        check(own, to_this_box=False)
