"""An MQTT 3.1.1 session on asyncio, reconnecting for ever, to one endpoint after the other.

paho speaks the protocol, asyncio carries the bytes. The session asks nothing durable of the broker: clean start, no
offline queue. Custody is ours.
"""

import asyncio
import itertools
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from federation.bus.errors import Congested, NotConnected
from federation.bus.wire import Publication, Wire, qos_0
from federation.messages import BrokerEndpoint

log = logging.getLogger(__name__)

KEEPALIVE_S = 10
CONNECTED_WITHIN_S = 10.0
DICE = random.SystemRandom()  # of our own: the generator that programs share and tests seed is left alone
SHORTEST_RECONNECT_S = 1.0
LONGEST_RECONNECT_S = 5.0
LOOK_EVERY_S = 1.0
QUEUED_MESSAGES = 2000
UNSENT_BYTES = 8 << 20
INBOX_BYTES = 32 << 20
MESSAGE_BYTES = 500  # what a message takes in memory besides its payload
GOODBYE_WITHIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Where the broker is; `tls` says whom we trust there, and shows who we are.

    Several endpoints are those of one broker, the first being the one to begin with.
    """

    endpoints: tuple[BrokerEndpoint, ...]
    tls: ssl.SSLContext
    username: str = ""
    password: str = field(default="", repr=False)


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

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, roughly."""
        return MESSAGE_BYTES + len(self.payload)


@dataclass(frozen=True, kw_only=True)
class Connected:
    """The session is connected and its subscriptions are granted."""


@dataclass(frozen=True, kw_only=True)
class Disconnected:
    """The session has no connection; it tries again by itself. `refused`: the broker was there and let us not in."""

    reason: str
    refused: bool = False


Item = Message | Connected | Disconnected


class _Inbox:
    """Received items in order. Messages beyond `limit_bytes` are dropped and counted; news of the link never are."""

    def __init__(self, limit_bytes: int) -> None:
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._free_bytes = limit_bytes
        self._something = asyncio.Event()

    def put(self, item: Item) -> None:
        if isinstance(item, Message):
            if item.size_bytes > self._free_bytes:
                self.dropped += 1
                return
            self._free_bytes -= item.size_bytes
        self._items.append(item)
        self._something.set()

    async def take(self, most: int) -> list[Item]:
        while not self._items:
            self._something.clear()
            await self._something.wait()
        taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        self._free_bytes += sum(item.size_bytes for item in taken if isinstance(item, Message))
        return taken


class Session:
    """One client of the broker. Use as an async context manager; one task reads `next()` or `some()`.

    Everything happens on the event loop. At most `inbox_bytes` of received messages wait; more are dropped and
    counted in `dropped`, which custody heals by its timeouts.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        subscriptions: tuple[str, ...] = (),
        will: Will | None = None,
        inbox_bytes: int = INBOX_BYTES,
        keepalive_s: int = KEEPALIVE_S,
    ) -> None:
        """Prepare the session; it connects when entered, and is given up after two `keepalive_s` of silence."""
        self._address = address
        self._subscriptions = subscriptions
        self._inbox = _Inbox(inbox_bytes)
        self._connected = False
        self._welcome = False
        self._to_write = False
        self._subscribed_mid: int | None = None
        self._newest: paho.MQTTMessageInfo | None = None
        self._acknowledged = asyncio.Event()
        self._wire = Wire(received=self._read, lost=self._read)
        self._client = self._make_client(client_id, will, keepalive_s)
        self._group = asyncio.TaskGroup()
        self._keeping: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can be published now."""
        return self._connected

    @property
    def dropped(self) -> int:
        """Messages that found no room since the session began."""
        return self._inbox.dropped

    async def __aenter__(self) -> Self:
        """Start connecting and return at once; `Connected` arrives by `next()`."""
        await self._group.__aenter__()
        self._keeping = self._group.create_task(self._keep_connected(), name="broker session")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect cleanly, so that the broker keeps the will to itself."""
        try:
            await self._say_goodbye()
        finally:
            assert self._keeping is not None  # noqa: S101 - made on entering
            self._keeping.cancel()
            await self._group.__aexit__(None, None, None)

    async def next(self) -> Item:
        """Return the next received item in order of arrival."""
        return (await self._inbox.take(1))[0]

    async def some(self, most: int) -> list[Item]:
        """Return what has been received, in order of arrival: at least one item, and no more than `most`."""
        return await self._inbox.take(most)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the connection; raise NotConnected or Congested if that fails.

        Success says nothing about the broker or the receiver: that is what custody is for. QoS 0 costs half, and is
        for what is asked for again by itself.
        """
        if not self._connected:
            raise NotConnected(topic)
        if self._wire.unsent_bytes > UNSENT_BYTES:
            raise Congested(topic)
        if qos == 0:
            self._wire.send(qos_0(topic, payload, retain=retain))
            self._on_something_to_write()
            return
        self._newest = self._published(topic, payload, qos=qos, retain=retain)

    async def hand_over(self, topic: str, payloads: Sequence[bytes], *, within_s: float) -> None:
        """Publish messages and return once the broker has acknowledged every one (QoS 1, PUBACK).

        Raises NotConnected, Congested or TimeoutError; each message may then have arrived or not.
        """
        if not self._connected:
            raise NotConnected(topic)
        sent = [self._published(topic, payload, qos=1, retain=False) for payload in payloads]
        async with asyncio.timeout(within_s):
            while not all(info.is_published() for info in sent):
                if not self._connected:
                    raise NotConnected(topic)
                self._acknowledged.clear()
                await self._acknowledged.wait()

    def _published(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> paho.MQTTMessageInfo:
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise Congested(topic)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise NotConnected(topic)
        return info

    async def _keep_connected(self) -> None:
        failures = 0
        for endpoint in itertools.cycle(self._address.endpoints):
            try:
                async with asyncio.timeout(CONNECTED_WITHIN_S):
                    await self._wire.connect(endpoint.host, endpoint.port, self._address.tls)
            except (OSError, TimeoutError) as error:
                self._wire.abort()
                self._inbox.put(Disconnected(reason=str(error) or "no connection"))
                failures += 1
            else:
                failures = 0 if await self._live() else failures + 1
            # Spread, so that a thousand nodes do not come back at one moment.
            longest_s = min(LONGEST_RECONNECT_S, SHORTEST_RECONNECT_S * 2.0 ** min(failures - 1, 8))
            await asyncio.sleep(DICE.uniform(0.5, 1.0) * max(SHORTEST_RECONNECT_S, longest_s))

    async def _live(self) -> bool:
        """Speak over the wire until it is lost; tell whether the broker let us in."""
        was_welcome = False
        self._client.reconnect()
        while not await self._wire.ended(within_s=LOOK_EVERY_S):
            was_welcome = was_welcome or self._welcome
            self._client.loop_misc()
            if self._client.socket() is None:  # no answer to a ping: closing in order would wait for one
                self._wire.abort()
        return was_welcome or self._welcome

    def _read(self) -> None:
        """Let the protocol take what has been received, or note that there will be no more."""
        while self._client.socket() is not None:
            publication = self._wire.publication()
            if publication is not None:
                self._on_publication(publication)
            elif self._wire.readable:
                self._client.loop_read()
            else:
                return

    async def _say_goodbye(self) -> None:
        # A socket that is closed with an acknowledgement unread resets the connection, and the goodbye gets lost.
        try:
            async with asyncio.timeout(GOODBYE_WITHIN_S):
                while self._connected and self._newest is not None and not self._newest.is_published():
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
        except (TimeoutError, ValueError, RuntimeError):
            log.debug("the last message was not acknowledged")
        self._client.disconnect()
        self._write()
        self._wire.close()
        if not await self._wire.ended(within_s=GOODBYE_WITHIN_S):
            self._wire.abort()

    def _make_client(self, client_id: str, will: Will | None, keepalive_s: int) -> paho.Client:
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv311,
            clean_session=True,
        )
        client.wire, client.message = self._wire, self._on_message
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.max_queued_messages_set(QUEUED_MESSAGES)
        first = self._address.endpoints[0]
        client.connect_async(first.host, first.port, keepalive_s)  # only said: the wire connects
        client.on_socket_register_write = self._on_something_to_write
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _write(self) -> None:
        self._to_write = False
        self._client.loop_write()
        self._wire.flush()

    def _on_something_to_write(self, *_paho: Any) -> None:
        if not self._to_write:  # once for all that is said in this turn of the loop
            self._to_write = True
            asyncio.get_running_loop().call_soon(self._write)

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            return  # `_on_disconnect` follows
        self._welcome = True
        if not self._subscriptions:
            self._became_ready()
            return
        _, self._subscribed_mid = client.subscribe([(topic, 1) for topic in self._subscriptions])

    def _on_subscribe(self, _c: paho.Client, _u: Any, mid: int, codes: Any, _p: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            log.warning("broker refused a subscription: %s", ", ".join(refused))
        if mid == self._subscribed_mid:
            self._became_ready()

    def _became_ready(self) -> None:
        self._connected = True
        self._inbox.put(Connected())

    def _on_disconnect(self, _c: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        # The broker looks at our certificate after TLS stands on our side (RFC 8446, 4.4.2.4): it hangs up then.
        refused, self._connected, self._welcome = not self._welcome, False, False
        self._inbox.put(Disconnected(reason=str(reason), refused=refused))
        self._acknowledged.set()  # who waits for an acknowledgement must hear of this

    def _on_publish(self, _c: paho.Client, _u: Any, _mid: int, _r: Any, _p: Any) -> None:
        self._acknowledged.set()

    def _on_publication(self, publication: Publication) -> None:
        with suppress(UnicodeDecodeError):  # as with those that paho reads
            topic = publication.topic.decode()
            self._inbox.put(Message(topic=topic, payload=publication.payload, retained=publication.retained))

    def _on_message(self, message: paho.MQTTMessage) -> None:
        with suppress(UnicodeDecodeError):  # a broker should have ended whoever said that (MQTT 3.1.1, 1.5.3)
            self._inbox.put(Message(topic=message.topic, payload=bytes(message.payload), retained=message.retain))


class _Client(paho.Client):
    """paho over bytes in memory: it opens no socket and starts no thread of its own."""

    wire: Wire
    message: Callable[[paho.MQTTMessage], None]

    def _handle_on_message(self, message: paho.MQTTMessage) -> None:
        # paho would look for the handler of every topic in a tree of filters, which costs more than all the rest.
        self.message(message)

    def _create_socket(self) -> Any:
        return self.wire
