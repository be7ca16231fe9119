"""One MQTT connection, from CONNECT to its end: publish, subscribe, deliveries, acknowledge.

Once it has ended, every call raises BrokerDown. A message without a PUBACK is not carried over to the next
connection: the caller still has it and decides.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NoReturn, TypeVar

from bridge.broker.address import BrokerAddress
from bridge.broker.client import MqttClient
from bridge.broker.endings import ConnectionEndings
from bridge.broker.errors import (
    BrokerDown,
    BrokerError,
    BrokerRefused,
    ConnectionEnded,
    MessageRefused,
    PacketTooLarge,
)
from bridge.broker.messages import BrokerOptions, Delivery, Publication
from bridge.broker.properties import publish_properties
from bridge.broker.refusals import summarise

_Answer = TypeVar("_Answer")
#: Bytes of a PUBLISH at most, beside topic, payload and correlation data.
HEADERS = 24
#: Seconds until a refused subscription that may not be forbidden is tried again.
REFUSED_PAUSE = 0.5
#: Seconds within which a broker refuses what its ACL forbids. A NATS cluster that elects leaders refuses after 5 s.
FORBIDDEN_WITHIN = 2.0

_log = logging.getLogger(__name__)


class BrokerConnection:
    """Yielded by `connect`. Use it only inside that `async with`."""

    def __init__(
        self, client: MqttClient, address: BrokerAddress, options: BrokerOptions, endings: ConnectionEndings
    ) -> None:
        self._client = client
        self._endings = endings
        self._options = options
        self._window = asyncio.Semaphore(client.window)
        self._outstanding: dict[int, Delivery] = {}
        self._settled: set[int] = set()
        self.address = address

    @property
    def session_present(self) -> bool:
        """Whether the broker kept this client id's session, with its subscriptions."""
        return self._client.session_present

    @property
    def packet_limit(self) -> int | None:
        """Bytes of the largest packet that the broker takes, headers included; None = unknown.

        An MQTT 5 broker reports it; from one of MQTT 3.1.1 it is learnt by connections that ended.
        """
        limits = (self._client.packet_limit, self._endings.packet_limit)
        return min((limit for limit in limits if limit is not None), default=None)

    def takes(self, topic: str, payload: bytes | str, correlation_data: bytes | None = None) -> bool:
        """Whether the broker takes a message of this size."""
        limit = self.packet_limit
        if limit is None or 4 * (len(topic) + len(payload)) + len(correlation_data or b"") + HEADERS <= limit:
            return True
        return _size(topic, payload) + len(correlation_data or b"") + HEADERS <= limit

    async def publish(
        self,
        topic: str,
        payload: bytes | str,
        *,
        qos: int = 1,
        retain: bool = False,
        response_topic: str | None = None,
        correlation_data: bytes | None = None,
        expiry: int | None = None,
    ) -> None:
        """Publish; returns at QoS 1 after the broker's PUBACK, at QoS 0 after the write to the socket.

        Concurrent calls are pipelined and sent in the order of the calls, at most 20 unacknowledged at a time. The
        last three arguments need MQTT 5 and are omitted on 3.1.1.

        Raises BrokerDown (the outcome is then unknown), PacketTooLarge, or on MQTT 5 MessageRefused. On
        3.1.1 a PUBACK is no proof of permission: mosquitto acknowledges what its ACL then discards.
        """
        five = self._options.protocol == "5"
        properties = publish_properties(response_topic, correlation_data, expiry) if five else None
        async with self._window:
            self._check_size(topic, payload, correlation_data)
            answer = self._client.start_publish(topic, _encoded(payload), qos, retain, properties)
            self._client.flush()
            await self._answered(answer, "a message")

    async def publish_all(self, messages: Iterable[Publication]) -> list[tuple[Publication, MessageRefused]]:
        """Publish at QoS 1 in this order; returns when the broker has acknowledged all of them, those that it refused
        (on MQTT 5), which stop none of the others.

        Equivalent to a `publish` for each, at half the cost: no task and no timeout per message. The broker has
        `acknowledge_timeout` for each window. Raises BrokerDown and PacketTooLarge. A refused message that
        `may_be_refused` is logged and not returned.
        """
        five = self._options.protocol == "5"
        timeout, clock = self._options.acknowledge_timeout, asyncio.get_running_loop().time
        sent: list[Publication] = []
        refusals: list[tuple[Publication, MessageRefused]] = []
        answers: list[asyncio.Future[None]] = []
        try:
            async with asyncio.timeout(timeout) as limit:
                for message in messages:
                    if message.may_be_refused and not self.takes(
                        message.topic, message.payload, message.correlation_data
                    ):
                        _log.warning("Not published to %s: it is larger than the broker takes.", message.topic)
                        continue
                    if self._window.locked():
                        self._client.flush()
                        limit.reschedule(clock() + timeout)
                    await self._window.acquire()
                    properties = publish_properties(None, message.correlation_data, None) if five else None
                    try:
                        self._check_size(message.topic, message.payload, message.correlation_data)
                        payload = _encoded(message.payload)
                        answer = self._client.start_publish(message.topic, payload, 1, False, properties)
                    except BaseException:
                        self._window.release()
                        self._client.flush()
                        raise
                    answer.add_done_callback(self._leave_window)
                    answers.append(answer)
                    sent.append(message)
                self._client.flush()
                limit.reschedule(clock() + timeout)
                for message, answer in zip(sent, answers, strict=True):  # most are there when the first one is
                    try:
                        await answer
                    except MessageRefused as refused:
                        if message.may_be_refused:
                            _log.warning("Not published to %s: %s", message.topic, refused.text)
                        else:
                            refusals.append((message, refused))
        except TimeoutError:
            reason = BrokerDown(f"The broker has not acknowledged a message for {timeout:g} s.")
            self._client.lose(reason)
            raise reason from None
        return refusals

    def _leave_window(self, answer: asyncio.Future[None]) -> None:
        self._window.release()
        if not answer.cancelled():
            answer.exception()  # marks it as retrieved: one failure is raised, the others are the same

    async def subscribe(self, *topic_filters: str, qos: int = 1) -> None:
        """Subscribe and wait for the SUBACK; deliveries that arrive meanwhile are kept for `deliveries`.

        Raises BrokerDown, and BrokerRefused when the broker refuses a filter (mosquitto grants it and delivers
        nothing) at once and granted it on no earlier connection; otherwise it is tried again.
        """
        clock = asyncio.get_running_loop().time
        asked = clock()
        until = asked + self._options.acknowledge_timeout
        while refused := await self._subscribe(topic_filters, qos):
            names = ", ".join(refused)
            if clock() - asked < FORBIDDEN_WITHIN and not self._endings.granted.issuperset(refused):
                raise BrokerRefused(f"The broker does not allow this user to subscribe to {names}: change its ACL.")
            if clock() > until:
                reason = BrokerDown(
                    f"The broker refuses the subscription to {names}: it is a cluster that is not ready, or its ACL has"
                    " changed."
                )
                self._client.lose(reason)
                raise reason
            # a NATS cluster that elects leaders answers like one that forbids; a new connection would begin with all
            await asyncio.sleep(REFUSED_PAUSE)
            topic_filters, asked = refused, clock()

    async def _subscribe(self, topic_filters: tuple[str, ...], qos: int) -> tuple[str, ...]:
        """The filters that the broker refuses."""
        codes = await self._answered(self._client.start_subscribe(topic_filters, qos), "a subscription")
        refused = tuple(name for name, code in zip(topic_filters, codes, strict=False) if code.is_failure)
        self._endings.granted.update(set(topic_filters).difference(refused))
        return refused

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Messages in order of arrival, until the connection ends. Then raises BrokerDown at once: what can no longer
        be acknowledged is left to the broker, which delivers it again."""
        client = self._client
        while True:
            if client.lost.done():
                raise client.lost.result()
            if client.arrived:
                delivery = client.take()
                if delivery.qos:
                    self._outstanding[delivery.packet_id] = delivery
                yield delivery
            elif client.overflowed:
                client.lose(BrokerDown("The inbound queue is full; reconnecting so that the broker delivers the rest."))
            else:
                client.changed.clear()
                await client.changed.wait()

    def acknowledge(self, delivery: Delivery) -> None:
        """Send the PUBACK of a processed delivery.

        Required for every delivery, in any order. PUBACKs are sent in order of arrival, as MQTT demands: one that is
        never acknowledged blocks those after it. Does nothing at QoS 0, for a delivery of another connection (packet
        ids are reused), and after the end of the connection.
        """
        if self._outstanding.get(delivery.packet_id) is not delivery or self._client.lost.done():
            return
        self._settled.add(delivery.packet_id)
        while self._outstanding and (first := next(iter(self._outstanding))) in self._settled:
            self._settled.remove(first)
            self._client.acknowledge(self._outstanding.pop(first))

    async def down(self) -> NoReturn:
        """Wait for the end of the connection. Raises BrokerDown."""
        await asyncio.wait([self._client.lost])
        raise self._client.lost.result()

    def _check_size(self, topic: str, payload: bytes | str, correlation_data: bytes | None) -> None:
        if not self.takes(topic, payload, correlation_data):
            raise PacketTooLarge(
                f"The message has {_size(topic, payload):,} bytes; the broker takes {self.packet_limit:,}."
            )

    async def _answered(self, answer: asyncio.Future[_Answer], what: str) -> _Answer:
        timeout = self._options.acknowledge_timeout
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            reason = BrokerDown(f"The broker has not acknowledged {what} for {timeout:g} s.")
            self._client.lose(reason)
            raise reason from None


@asynccontextmanager
async def connect(
    options: BrokerOptions, address: BrokerAddress | None = None, *, endings: ConnectionEndings | None = None
) -> AsyncIterator[BrokerConnection]:
    """Connect to the first address that answers (or only to `address`), and disconnect at the end.

    `endings` of the earlier connections of this client id notes how this one ends. Raises BrokerRefused if a broker
    refused and no other accepted; otherwise BrokerDown.
    """
    endings = endings or ConnectionEndings(options.client_id)
    failures: list[BrokerError] = []
    clock = asyncio.get_running_loop().time
    for candidate in (address,) if address else options.addresses:
        client = MqttClient(candidate, options, await _trust(options) if candidate.tls else None)
        try:
            try:
                await client.open()
            except BrokerError as failure:
                failures.append(failure)
                continue
            _log.debug("Connected to %s as %s.", candidate.masked, options.client_id)
            connected_at = clock()
            try:
                yield BrokerConnection(client, candidate, options, endings)
            finally:
                if client.lost.done() and isinstance(client.lost.result(), ConnectionEnded):
                    hint = endings.ended(clock() - connected_at, client.largest_unanswered)
                    if hint is not None:
                        _log.warning("%s", hint)
            return
        finally:
            await client.close()
    endings.not_connected()
    raise summarise(failures)


def _encoded(payload: bytes | str) -> bytes:
    return payload.encode() if isinstance(payload, str) else payload


def _size(topic: str, payload: bytes | str) -> int:
    return len(topic.encode()) + len(_encoded(payload))


async def _trust(options: BrokerOptions) -> ssl.SSLContext:
    try:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=options.ca_file)
    except OSError as error:
        raise BrokerRefused(f"{options.ca_file} cannot be read as certificates: {error}.") from error
    context.sslsocket_class = _HandshakeOrClosed
    return context


class _HandshakeOrClosed(ssl.SSLSocket):
    """Closes the socket when the handshake fails: paho drops its reference and leaves it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except Exception:
            self.close()
            raise
