"""The MQTT session that both sides use: paho wrapped once."""

from federation.bus.errors import BusError, Congested, NotConnected
from federation.bus.session import BrokerAddress, Connected, Disconnected, Item, Message, Session, Will

__all__ = [
    "BrokerAddress",
    "BusError",
    "Congested",
    "Connected",
    "Disconnected",
    "Item",
    "Message",
    "NotConnected",
    "Session",
    "Will",
]
