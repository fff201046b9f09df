"""One MQTT session over a real broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from federation.bus import Connected, Disconnected, Message, NotConnected, Session, Will
from federation.testing.broker import Broker, running_broker
from federation.testing.waiting import until

WITHIN_S = 15.0
ACL = """
user alice
topic readwrite #
user bob
topic write bob/#
topic read open/#
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker({"alice": "secret-a", "bob": "secret-b"}, acl=ACL) as running:
        yield running


@asynccontextmanager
async def connected(session: Session) -> AsyncIterator[Session]:
    async with session:
        assert isinstance(await following(session), Connected)
        yield session


async def following(session: Session) -> Message | Connected | Disconnected:
    async with asyncio.timeout(WITHIN_S):
        return await session.next()


def alice(broker: Broker, *topics: str, **more: object) -> Session:
    return Session(broker.address("alice"), client_id="alice", subscriptions=topics, **more)  # type: ignore[arg-type]


def bob(broker: Broker, *topics: str, will: Will | None = None) -> Session:
    return Session(broker.address("bob"), client_id="bob", subscriptions=topics, will=will)


async def test_messages_arrive_in_order_and_whole(broker: Broker) -> None:
    payloads = [bytes([number % 256]) * number for number in range(300)]
    async with connected(alice(broker, "bob/#")) as reader, connected(bob(broker)) as writer:
        for payload in payloads:
            writer.publish("bob/x", payload)

        assert [await following(reader) for _ in payloads] == [
            Message(topic="bob/x", payload=payload) for payload in payloads
        ]


async def test_a_session_outlives_its_broker_and_says_so(broker: Broker) -> None:
    async with connected(alice(broker, "bob/#")) as session:
        broker.kill()
        assert isinstance(await following(session), Disconnected)
        with pytest.raises(NotConnected):
            session.publish("bob/x", b"")
        await asyncio.to_thread(broker.start)

        while not isinstance(await following(session), Connected):
            pass
        session.publish("bob/x", b"again")
        assert await following(session) == Message(topic="bob/x", payload=b"again")


async def test_the_will_speaks_for_the_dead_and_not_for_those_who_leave(broker: Broker) -> None:
    will = Will(topic="bob/presence", payload=b"dead")
    async with connected(alice(broker, "bob/#")) as reader:
        async with connected(bob(broker, will=will)) as left:
            left.publish("bob/presence", b"left")
        assert await following(reader) == Message(topic="bob/presence", payload=b"left")

        # A second session of the same name: the broker ends the first without a goodbye.
        async with connected(bob(broker, will=will)), connected(bob(broker)):
            assert await following(reader) == Message(topic="bob/presence", payload=b"dead")


async def test_nobody_writes_or_reads_beyond_his_rights(broker: Broker) -> None:
    async with connected(alice(broker, "#")) as reader, connected(bob(broker, "open/#", "alice/#")) as stranger:
        stranger.publish("alice/secret", b"forged")
        stranger.publish("bob/mine", b"true")
        reader.publish("alice/secret", b"for alice")
        reader.publish("open/all", b"for all")

        assert await following(stranger) == Message(topic="open/all", payload=b"for all")
        heard = [await following(reader) for _ in range(3)]
        assert sorted(item.payload for item in heard if isinstance(item, Message)) == [
            b"for alice",
            b"for all",
            b"true",
        ]


async def test_a_wrong_password_is_said_and_tried_again(broker: Broker) -> None:
    address = broker.address("alice")
    wrong = Session(type(address)(host=address.host, port=address.port, username="alice", password="no"), client_id="x")
    async with wrong:
        items = [await following(wrong) for _ in range(3)]

    assert all(isinstance(item, Disconnected) for item in items)
    assert not wrong.connected


async def test_a_full_inbox_drops_messages_counts_them_and_keeps_the_news_of_the_link(broker: Broker) -> None:
    async with connected(alice(broker, "bob/#", inbox_size=10)) as slow, connected(bob(broker)) as writer:
        for number in range(50):
            writer.publish("bob/x", str(number).encode())
        await until(lambda: slow.dropped == 40, within_s=WITHIN_S, what="40 messages are dropped")
        slow.publish("open/x", b"")  # and nothing of it is read until here
        broker.kill()
        kept = [await following(slow) for _ in range(11)]

    assert [item.payload for item in kept if isinstance(item, Message)] == [str(n).encode() for n in range(10)]
    assert isinstance(kept[-1], Disconnected)
    assert slow.dropped == 40
