"""Envelopes as they come: the newest is followed, nothing else is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from federation.desired import HubKey, Trust, sealed
from federation.messages import (
    Applied,
    AppliedVersion,
    DesiredDocument,
    DesiredPolicy,
    DesiredWork,
    Envelope,
    TaskSpec,
)
from federation.messages.calendar import known_zones
from federation.testing.waiting import until
from federation.uplink.desired import DesiredReader

HUB = HubKey.generate()
AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
MANY = tuple(
    TaskSpec(task_id=f"t{n:04}", generation=1, point_id="gate", algorithm_id="a", algorithm_version="1")
    for n in range(1000)
)


@dataclass(kw_only=True)
class Box:
    """Follows what it is given, and fetches from `texts`."""

    followed: list[DesiredDocument] = field(default_factory=list)
    trusted: list[Trust] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    tries: int = 0

    def applied(self) -> Applied:
        return {
            found.shard: AppliedVersion(hub_epoch=found.hub_epoch, version=found.version, issued_at=found.issued_at)
            for found in self.followed
        }

    async def follow(self, document: DesiredDocument) -> None:
        self.followed.append(document)

    async def trust(self, trust: Trust) -> None:
        self.trusted.append(trust)

    async def fetch(self, envelope: Envelope) -> bytes | None:
        self.tries += 1
        return self.texts.get(envelope.digest)


def work(version: int, **more: object) -> DesiredWork:
    return DesiredWork.model_validate({"node_id": "n1", "hub_epoch": 1, "version": version, "issued_at": AT, **more})


def policy(version: int) -> DesiredPolicy:
    return DesiredPolicy(node_id="n1", hub_epoch=1, version=version, issued_at=AT)


def envelope(document: DesiredDocument, key: HubKey = HUB) -> Envelope:
    return sealed(document.shard, key.sign(document.to_bytes().decode()), key.successions)


@pytest.fixture(autouse=True, scope="module")
def zones() -> None:
    known_zones()  # read once, as programs do before they begin


@pytest.fixture
def box() -> Box:
    return Box()


@asynccontextmanager
async def reading(box: Box) -> AsyncIterator[DesiredReader]:
    reader = DesiredReader(box, Trust(node_id="n1", key=HUB.key.public), Counter())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(reader.run())
        yield reader
        running.cancel()


def versions(box: Box) -> list[tuple[str, int]]:
    return [(document.shard.value, document.version) for document in box.followed]


async def test_each_shard_is_followed_apart_and_only_forwards(box: Box) -> None:
    async with reading(box) as reader:
        for document in (work(1), policy(5), work(2), work(1), policy(5)):
            reader.take(document.shard, envelope(document).to_bytes())
            await until(lambda: not any(reader._newest.values()), within_s=60, what="it is looked at")

        await until(lambda: reader.refused, within_s=60, what="the replay is refused")
        assert versions(box) == [("work", 1), ("policy", 5), ("work", 2)]
        assert reader.refused == {"replayed": 1}


async def test_of_what_comes_at_once_the_newest_is_followed(box: Box) -> None:
    async with reading(box) as reader:
        for version in (1, 2, 3):
            reader.take("work", envelope(work(version)).to_bytes())

        await until(lambda: box.followed, within_s=60, what="one is followed")
        assert versions(box) == [("work", 3)]


@pytest.mark.parametrize(
    ("shard", "payload", "reason"),
    [
        ("gossip", b"{}", "malformed"),
        ("work", b"\xff", "malformed"),
        ("work", work(1).to_bytes(), "unsigned"),
        ("work", envelope(work(1), HubKey.generate()).to_bytes(), "unknown_key"),
        ("work", b" " * 70_000, "oversized"),
    ],
)
async def test_what_is_not_the_hubs_word_is_counted_and_the_next_is_followed(
    box: Box, shard: str, payload: bytes, reason: str
) -> None:
    async with reading(box) as reader:
        reader.take(shard, payload)
        await until(lambda: reader.refused, within_s=60, what="it is refused")
        reader.take("work", envelope(work(1)).to_bytes())
        await until(lambda: box.followed, within_s=60, what="the good one is followed")

        assert reader.refused == {reason: 1}


async def test_a_large_document_is_fetched_and_tried_again_until_it_is_there(box: Box) -> None:
    document = work(1, tasks=MANY)
    named = envelope(document)
    async with reading(box) as reader:
        reader.take("work", named.to_bytes())
        await until(lambda: box.tries, within_s=60, what="the first try")
        reader.take("policy", envelope(policy(1)).to_bytes())
        await until(lambda: box.followed, within_s=60, what="the other shard does not wait")
        box.texts[named.digest] = document.to_bytes()

        await until(lambda: len(box.followed) == 2, within_s=60, what="the large one is followed")
        assert reader.refused == {"unfetched": 1}


async def test_a_large_document_that_was_replaced_is_fetched_no_more(box: Box) -> None:
    async with reading(box) as reader:
        reader.take("work", envelope(work(1, tasks=MANY)).to_bytes())
        await until(lambda: box.tries, within_s=60, what="the first try")
        reader.take("work", envelope(work(2)).to_bytes())

        await until(lambda: box.followed, within_s=60, what="the newer one is followed")
        assert versions(box) == [("work", 2)]


async def test_what_was_fetched_instead_of_the_signed_text_is_refused(box: Box) -> None:
    named = envelope(work(1, tasks=MANY))
    box.texts[named.digest] = work(1, tasks=MANY[:-1]).to_bytes()
    async with reading(box) as reader:
        reader.take("work", named.to_bytes())
        await until(lambda: reader.refused, within_s=60, what="it is refused")

        assert (reader.refused, box.followed) == ({"wrong_signature": 1}, [])


async def test_a_new_key_is_kept_once_and_believed_from_then_on(box: Box) -> None:
    renewed = HUB.renewed(AT)
    async with reading(box) as reader:
        for version in (1, 2):
            reader.take("work", envelope(work(version), renewed).to_bytes())
            await until(lambda: len(box.followed) == version, within_s=60, what="it is followed")  # noqa: B023 - awaited within this turn
        reader.take("work", envelope(work(3), HUB).to_bytes())
        await until(lambda: reader.refused, within_s=60, what="the old key is refused")

        assert [trust.key.fingerprint for trust in box.trusted] == [renewed.id]
