"""Simulated appliances keep what the hub has not acknowledged."""

from datetime import UTC, datetime

from federation import topics
from federation.identity.member import HubIdentity
from federation.messages import Ack, BrokerEndpoint, Lane
from hil_tests.load.simulated import Appliance, Member


def test_an_acknowledgement_of_who_bore_the_name_before_takes_nothing_away() -> None:
    appliance = Appliance(member=_member("s-1"))
    appliance.make(20)
    late = Ack(epoch="of-the-one-before", lane=Lane.EVENTS, upto=418)
    appliance.take(topics.ack("s-1"), late.to_bytes())
    assert (appliance.acknowledged, len(appliance.waiting)) == (0, 20)


async def test_an_acknowledgement_of_its_own_takes_away_what_the_hub_has() -> None:
    appliance = Appliance(member=_member("s-1"))
    appliance.make(20)
    own = Ack(epoch=appliance.sender.epoch, lane=Lane.EVENTS, upto=20)
    appliance.take(topics.ack("s-1"), own.to_bytes())
    assert (appliance.acknowledged, len(appliance.waiting)) == (20, 0)


def _member(node_id: str) -> Member:
    identity = HubIdentity(
        hub_url="https://hub:8443",
        hub_id="hub-1",
        hub_name="hub",
        node_id=node_id,
        brokers=(BrokerEndpoint(host="hub", port=8883),),
        ca="",
        certificate="",
        obtained_at=datetime(2026, 11, 1, tzinfo=UTC),
        renew_after_s=1,
        signing_key="",
    )
    return Member(identity=identity, key_file="", broker_host="hub", broker_port=8883)
