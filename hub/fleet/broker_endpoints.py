"""Where the hub's own broker, or somebody else's, is found: by nodes, by bureaus, and by the hub itself."""

from dataclasses import dataclass

from federation.messages import BrokerEndpoint
from hub.config import HubConfig
from hub.fleet.broker_process import broker_ports
from hub.serving import connectable


@dataclass(frozen=True, kw_only=True)
class BrokerEndpoints:
    """The broker's endpoints; several in a tuple are those of one broker."""

    nodes: tuple[BrokerEndpoint, ...]
    subscribers: tuple[BrokerEndpoint, ...]
    hub: tuple[BrokerEndpoint, ...]


def broker_endpoints(config: HubConfig) -> BrokerEndpoints:
    """Return where the broker of this configuration answers. Blocks: it may read remembered ports."""
    broker = config.broker
    if not broker.managed:
        known = tuple(BrokerEndpoint.parse(address) for address in broker.addresses)
        told = tuple(BrokerEndpoint.parse(address) for address in broker.public_addresses) or known
        return BrokerEndpoints(nodes=told, subscribers=told, hub=known)
    ports = broker_ports(config)
    return BrokerEndpoints(
        nodes=(BrokerEndpoint(host=config.mqtt_host, port=ports.nodes),),
        subscribers=(BrokerEndpoint(host=config.mqtt_host, port=ports.subscribers),),
        hub=(BrokerEndpoint(host=connectable(broker.host), port=ports.hub),),
    )
