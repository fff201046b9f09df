import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from federation.discovery import Browsing, Mdns, Service, open_mdns
from federation.discovery.interfaces import own_addresses
from federation.messages import new_id
from federation.testing.namespaces import Namespace, namespaces
from federation.testing.waiting import until, wait_until

LOOPBACK = ("127.0.0.1",)
WITHIN_S = 60.0


@pytest.fixture
def kind() -> str:
    """A kind of its own, so that tests beside this one are not heard."""
    return f"_t{new_id()[-12:]}._tcp"


@pytest.fixture
async def network() -> AsyncIterator[Mdns]:
    async with open_mdns(interfaces=LOOPBACK) as mdns:
        yield mdns


@asynccontextmanager
async def stranger(kind: str, txt_of: dict[str, bytes]) -> AsyncIterator[None]:
    """Somebody else's responder, which asks nobody and says what it likes."""
    zeroconf = AsyncZeroconf(interfaces=list(LOOPBACK), ip_version=IPVersion.V4Only)
    for name, txt in txt_of.items():
        info = AsyncServiceInfo(
            f"{kind}.local.", f"{name}.{kind}.local.", port=9, properties=txt, parsed_addresses=list(LOOPBACK)
        )
        await (await zeroconf.async_register_service(info, cooperating_responders=True))
    try:
        yield
    finally:
        await zeroconf.async_close()


class Neighbour:
    """Reads what a browsing process prints."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.known: list[dict[str, list[str]]] = [{}]
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.known.append(json.loads(line))

    def knows(self, expected: dict[str, list[str]]) -> None:
        wait_until(lambda: self.known[-1] == expected, within_s=WITHIN_S, what=f"{expected} is known")


@contextmanager
def neighbour(namespace: Namespace, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, str(Path(__file__).with_name("neighbour.py")), *arguments]
    process = namespace.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=WITHIN_S)


def test_boxes_find_each_other_across_a_network_and_follow_an_address_that_changes(kind: str) -> None:
    with (
        namespaces(2) as (one, two),
        neighbour(two, "browse", kind) as browsing,
        neighbour(one, "advertise", kind, "box-1") as advertising,
    ):
        seen = Neighbour(browsing)
        seen.knows({"box-1": [one.address]})

        one.move("198.51.100.77")
        seen.knows({"box-1": ["198.51.100.77"]})

        advertising.communicate(b"\n", timeout=WITHIN_S)
        seen.knows({})


async def found(seen: Browsing, count: int) -> tuple[Service, ...]:
    await until(lambda: len(seen.services) == count, within_s=WITHIN_S, what=f"{count} services are known")
    return seen.services


async def test_what_one_box_advertises_another_finds_follows_and_forgets_at_its_goodbye(
    network: Mdns, kind: str
) -> None:
    service = Service(kind=kind, name="box-1", port=8443, properties={"holdings": "a"})
    async with open_mdns(interfaces=LOOPBACK) as other, other.browse(kind) as seen:
        async with network.advertise(service) as advertisement:
            assert await found(seen, 1) == (replace(service, addresses=LOOPBACK),)

            moved = replace(service, port=9443, properties={"holdings": "b"})
            await advertisement.change(moved)
            await until(
                lambda: seen.services == (replace(moved, addresses=LOOPBACK),),
                within_s=WITHIN_S,
                what="the change is known",
            )

        assert await found(seen, 0) == ()


async def test_two_boxes_of_one_name_get_two_names(network: Mdns, kind: str) -> None:
    service = Service(kind=kind, name="box", port=1)
    async with open_mdns(interfaces=LOOPBACK) as other, other.browse(kind) as seen, network.advertise(service):
        await found(seen, 1)
        async with other.advertise(replace(service, port=2)) as second:
            assert {found.name for found in await found(seen, 2)} == {"box", second.service.name}


async def test_hostile_services_are_ignored_and_counted_and_no_more_than_the_limit_remembered(
    network: Mdns, kind: str
) -> None:
    hostile = {"no-hub": b"\x07other=1", "not-utf8": b"\x06hub=\xff\xfe"}
    async with network.browse(kind, required=["hub"], limit=1) as seen:
        async with stranger(kind, hostile):
            await until(lambda: seen.ignored + seen.overlooked >= 2, within_s=WITHIN_S, what="both are counted")
            assert seen.services == ()
        await until(lambda: seen.ignored, within_s=WITHIN_S, what="the first is ignored")
        before = seen.overlooked
        async with stranger(kind, {"good": b"\x05hub=h", "one-too-many": b"\x05hub=h"}):
            await until(lambda: seen.overlooked > before, within_s=WITHIN_S, what="the second is overlooked")

            assert [service.name for service in await found(seen, 1)] == ["good"]


async def test_waiting_for_a_change_ends_without_one(network: Mdns, kind: str) -> None:
    async with network.browse(kind) as seen:
        assert not await seen.changed(0, within_s=0.01)


def test_interfaces_are_chosen_by_name_or_address_and_loopback_only_by_choice() -> None:
    assert own_addresses(["lo"]) == own_addresses(["127.0.0.1"]) == LOOPBACK
    assert own_addresses(["no-such-interface"]) == ()
    assert "127.0.0.1" not in own_addresses([])
