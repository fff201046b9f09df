"""One MQTT session over a real broker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from federation.bus import BrokerAddress, Connected, Disconnected, Message, NotConnected, Session, Will
from federation.bus.wire import qos_0
from federation.identity.issuing import Authority
from federation.identity.key import LONG_AGO
from federation.identity.member import Member
from federation.messages import BrokerEndpoint
from federation.private_files import write_private
from federation.testing.broker import Broker, made_keys, running_broker
from federation.testing.ports import reserved
from federation.testing.waiting import until

WITHIN_S = 60.0
ACL = """
user alice
topic readwrite #
user bob
topic write bob/#
topic read open/#
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with running_broker("alice", "bob", acl=ACL) as running:
        yield running


@pytest.fixture
def stranger(broker: Broker, tmp_path: Path) -> Broker:
    """What another authority says of itself and of the same broker."""
    keys = made_keys(tmp_path, "alice")
    return Broker(folder=tmp_path, authority=Authority.make(), keys=keys, port=broker.port)


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


@pytest.mark.parametrize("qos", [0, 1])
async def test_messages_arrive_in_order_and_whole(broker: Broker, qos: int) -> None:
    payloads = [bytes([number % 256]) * number for number in (*range(300), 16_000, 17_000)]
    async with connected(alice(broker, "bob/#")) as reader, connected(bob(broker)) as writer:
        for payload in payloads:
            writer.publish("bob/x", payload, qos=qos)

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


async def refusals(broker: Broker, member: Member) -> list[Disconnected]:
    """Try to connect as the member, and return how the broker answers, twice."""
    tls = await asyncio.to_thread(member.tls)
    async with Session(BrokerAddress(endpoints=(broker.endpoint,), tls=tls), client_id="x") as session:
        items = [await following(session) for _ in range(2)]
        assert not session.connected
    return [item for item in items if isinstance(item, Disconnected)]


async def test_a_certificate_that_has_run_out_or_of_another_authority_is_refused_and_tried_again(
    broker: Broker, stranger: Broker
) -> None:
    expired = broker.member("alice", valid=timedelta(seconds=-1))
    theirs = stranger.member("alice")
    trusting = theirs.identity.model_copy(update={"ca": broker.authority.certificate_pem})
    foreign = replace(theirs, identity=trusting)

    for member in (expired, foreign):
        assert [item.refused for item in await refusals(broker, member)] == [True, True]


async def test_a_broker_of_another_authority_gets_no_word_of_ours(stranger: Broker) -> None:
    async with Session(stranger.address("alice"), client_id="x") as session:
        item = await following(session)

        assert isinstance(item, Disconnected)
        assert (item.refused, "certificate verify failed" in item.reason) == (False, True)


async def test_a_certificate_with_a_wrong_clock_still_trusts_its_broker(broker: Broker) -> None:
    server = broker.authority.issue_server(["127.0.0.1"], now=LONG_AGO + timedelta(days=60), valid=timedelta(days=1))
    await asyncio.to_thread(write_private, broker.folder / "server", server)
    await asyncio.to_thread(broker.restart)

    async with connected(alice(broker, "bob/#")):
        pass


async def test_a_full_inbox_drops_messages_counts_them_and_keeps_the_news_of_the_link(broker: Broker) -> None:
    async with connected(alice(broker, "bob/#", inbox_bytes=10 * 502)) as slow, connected(bob(broker)) as writer:
        for number in range(50):
            writer.publish("bob/x", str(number).encode())
        await until(lambda: slow.dropped == 40, within_s=WITHIN_S, what="40 messages are dropped")
        slow.publish("open/x", b"")  # and nothing of it is read until here
        broker.kill()
        kept = [await following(slow) for _ in range(11)]

    assert [item.payload for item in kept if isinstance(item, Message)] == [str(n).encode() for n in range(10)]
    assert isinstance(kept[-1], Disconnected)
    assert slow.dropped == 40


async def test_a_topic_that_is_no_text_is_ignored_and_the_session_goes_on(broker: Broker) -> None:
    async with connected(alice(broker)) as session:
        session._wire.data_received(b"\x30\x04\x00\x01\xffx" + qos_0("bob/x", b"text", retain=False))

        assert await following(session) == Message(topic="bob/x", payload=b"text")


async def test_a_connection_whose_other_end_has_fallen_silent_is_given_up_and_made_anew(broker: Broker) -> None:
    async with connected(alice(broker, keepalive_s=1)) as session:
        broker.freeze()
        try:
            assert isinstance(await following(session), Disconnected)
        finally:
            broker.thaw()

        await connection_of(session)


async def test_a_session_goes_on_to_the_next_endpoint_of_its_broker_and_back(broker: Broker) -> None:
    with reserved(1) as (elsewhere,):
        nobody = BrokerEndpoint(host="127.0.0.1", port=elsewhere)
        address = replace(broker.address("alice"), endpoints=(nobody, broker.endpoint))
        async with Session(address, client_id="alice") as session:
            await connection_of(session)

            broker.kill()
            broker.port = elsewhere
            await asyncio.to_thread(broker.start)

            await connection_of(session)


async def connection_of(session: Session) -> None:
    """Return once the session stands."""
    while not isinstance(await following(session), Connected):
        pass
