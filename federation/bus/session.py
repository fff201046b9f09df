"""An MQTT 3.1.1 session on asyncio over paho's network thread, reconnecting for ever, to one endpoint after the other.

The session asks nothing durable of the broker: clean start, no offline queue. Custody is ours.
"""

import asyncio
import itertools
import logging
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from federation.bus.errors import Congested, NotConnected
from federation.messages import BrokerEndpoint

log = logging.getLogger(__name__)

KEEPALIVE_S = 10
SHORTEST_RECONNECT_S = 1
LONGEST_RECONNECT_S = 5
QUEUED_MESSAGES = 2000
GOODBYE_WITHIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Where the broker is; `tls` says whom we trust there, and shows who we are.

    Several endpoints are those of one broker, the first being the one to begin with.
    """

    endpoints: tuple[BrokerEndpoint, ...]
    tls: ssl.SSLContext


@dataclass(frozen=True, kw_only=True)
class Will:
    """What the broker publishes, retained, when the session dies."""

    topic: str
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Message:
    """One received message."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, kw_only=True)
class Connected:
    """The session is connected and its subscriptions are granted."""


@dataclass(frozen=True, kw_only=True)
class Disconnected:
    """The session has no connection; it tries again by itself. `refused`: the broker was there and let us not in."""

    reason: str
    refused: bool = False


Item = Message | Connected | Disconnected


class Session:
    """One client of the broker. Use as an async context manager; one task reads `next()`.

    At most `inbox_size` received items wait; more are dropped and counted in `dropped`, which
    custody heals by its timeouts.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        subscriptions: tuple[str, ...] = (),
        will: Will | None = None,
        inbox_size: int = 4096,
    ) -> None:
        """Prepare the session; it connects when entered."""
        self.dropped = 0
        self._address = address
        self._subscriptions = subscriptions
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._inbox_size = inbox_size
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connected = False
        self._welcome = False
        self._leaving = False
        self._endpoints = itertools.cycle(address.endpoints)
        self._subscribed_mid: int | None = None
        self._newest: paho.MQTTMessageInfo | None = None
        self._client = self._make_client(client_id, will)

    @property
    def connected(self) -> bool:
        """Whether messages can be published now."""
        return self._connected

    async def __aenter__(self) -> Self:
        """Start connecting and return at once; `Connected` arrives by `next()`."""
        self._loop = asyncio.get_running_loop()
        self._aim()
        await asyncio.to_thread(self._client.loop_start)  # it makes a socket pair, which may block
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect cleanly, so that the broker keeps the will to itself."""
        await asyncio.to_thread(self._say_goodbye)

    def _say_goodbye(self) -> None:
        # A socket that is closed with an acknowledgement unread resets the connection, and the goodbye gets lost.
        with suppress(ValueError, RuntimeError):
            if self._connected and self._newest is not None:
                self._newest.wait_for_publish(GOODBYE_WITHIN_S)
        self._leaving = True
        self._client.disconnect()
        self._client.loop_stop()

    async def next(self) -> Item:
        """Return the next received item in order of arrival."""
        return await self._inbox.get()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the network thread; raise NotConnected or Congested if that fails.

        Success says nothing about the broker or the receiver: that is what custody is for.
        """
        if not self._connected:
            raise NotConnected(topic)
        info = self._newest = self._client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise Congested(topic)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise NotConnected(topic)

    def _make_client(self, client_id: str, will: Will | None) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv311,
            clean_session=True,
        )
        client.tls_set_context(self._address.tls)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.max_queued_messages_set(QUEUED_MESSAGES)
        client.reconnect_delay_set(SHORTEST_RECONNECT_S, LONGEST_RECONNECT_S)
        client.on_socket_open = _send_small_packets_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # The callbacks below run on paho's thread.

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            return  # `_on_disconnect` follows
        self._welcome = True
        if not self._subscriptions:
            self._became_ready()
            return
        _, self._subscribed_mid = client.subscribe([(topic, 1) for topic in self._subscriptions])

    def _aim(self) -> None:
        """Let the next connection go to the next endpoint."""
        endpoint = next(self._endpoints)
        self._client.connect_async(endpoint.host, endpoint.port, KEEPALIVE_S)

    def _on_connect_fail(self, _c: paho.Client, _u: Any) -> None:
        self._aim()
        self._hand_over(Disconnected(reason="no connection"))

    def _on_subscribe(self, _c: paho.Client, _u: Any, mid: int, codes: Any, _p: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            log.warning("broker refused a subscription: %s", ", ".join(refused))
        if mid == self._subscribed_mid:
            self._became_ready()

    def _became_ready(self) -> None:
        self._connected = True
        self._hand_over(Connected())

    def _on_disconnect(self, _c: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        # The broker looks at our certificate after TLS stands on our side (RFC 8446, 4.4.2.4): it hangs up then.
        refused, self._connected, self._welcome = not self._welcome, False, False
        if not self._leaving:
            self._aim()
        self._hand_over(Disconnected(reason=str(reason), refused=refused))

    def _on_message(self, _c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        self._hand_over(Message(topic=message.topic, payload=bytes(message.payload), retained=message.retain))

    def _hand_over(self, item: Item) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._put, item)

    def _put(self, item: Item) -> None:
        # Only messages may be dropped: a lost `Connected` would silence the node for ever.
        if isinstance(item, Message) and self._inbox.qsize() >= self._inbox_size:
            self.dropped += 1
            return
        self._inbox.put_nowait(item)


def _send_small_packets_at_once(_client: paho.Client, _userdata: Any, sock: Any) -> None:
    # paho leaves Nagle's algorithm on, which costs 40 ms per small message.
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
