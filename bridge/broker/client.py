"""aiomqtt's client, extended with manual acknowledgement, DUP, packet ids and prompt error reporting.

Owns every use of the library and of its private parts, so that one file changes with it. Never drops a message of a
slow reader: it disconnects, and the broker delivers again. aiomqtt 2.5 acknowledges before its caller has seen a
message (measured: a subscriber killed at the first of three lost all three) and has no public switch for that;
version 3 has one but does not speak MQTT 3.1.1.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Literal, TypeVar, cast

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from typing_extensions import override

from bridge.broker.address import BrokerAddress
from bridge.broker.client_id import secret_client_id
from bridge.broker.errors import BrokerDown, BrokerError, ConnectionEnded
from bridge.broker.messages import BrokerOptions, Delivery
from bridge.broker.properties import connect_properties
from bridge.broker.readahead import LONGEST, ReadAhead
from bridge.broker.refusals import explain, explain_end, message_refused

T = TypeVar("T")

# Mosquitto's default limit of messages in flight per client; every measured cluster accepted it. An MQTT 5 broker may
# announce less, and end the connection of a client that exceeds it.
WINDOW = 20
#: Bytes of packets that are written to the socket together.
JOINED = 65_536

# Whatever paho reports reaches the caller as an exception; logging it as well would duplicate it.
_paho_log = logging.getLogger("bridge.broker.paho")
_paho_log.setLevel(logging.CRITICAL)

_log = logging.getLogger(__name__)
_SUCCESS = ReasonCode(PacketTypes.PUBACK)


class MqttClient(aiomqtt.Client):
    """The client object of one MQTT connection; not reusable."""

    def __init__(self, address: BrokerAddress, options: BrokerOptions, tls: ssl.SSLContext | None) -> None:
        five = options.protocol == "5"
        will = options.will
        transport: Literal["tcp", "websockets"] = "websockets" if address.path else "tcp"
        super().__init__(
            address.host,
            address.port,
            username=address.username,
            password=address.credentials[1] or None,
            logger=_paho_log,
            identifier=secret_client_id(options.client_id, address),
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
            clean_session=None if five else options.clean,
            clean_start=options.clean if five else paho.MQTT_CLEAN_START_FIRST_ONLY,
            transport=transport,
            timeout=2 * options.connect_timeout,  # `open` has the effective timeout, which covers TCP and TLS too
            keepalive=options.keepalive,
            max_inflight_messages=WINDOW,
            properties=connect_properties(options) if five else None,
            tls_context=tls,
            websocket_path=address.path,
        )
        self._client.manual_ack_set(True)
        self._library_puback = cast("Any", self._client)._handle_pubackcomp  # noqa: SLF001
        cast("Any", self._client)._handle_pubackcomp = self._puback  # noqa: SLF001
        self._client.connect_timeout = options.connect_timeout
        self._thread = threading.get_ident()
        self._address = address
        self._options = options
        self._opening = False
        self._abandoned = False
        self._unanswered: dict[int, asyncio.Future[Any]] = {}
        self._sent: dict[int, tuple[int, str]] = {}  # bytes and topic of the packets that await a PUBACK
        self.largest_unanswered = 0  # at the end of the connection
        self.packet_limit: int | None = None  # the broker's, reported by MQTT 5 only
        self.window = WINDOW
        self._failure: Exception | None = None
        self.arrived: deque[Delivery] = deque()  # unread ones; read with `take`
        self._waiting_bytes = 0  # of their payloads
        self.changed = asyncio.Event()  # something arrived, or the connection ended
        self.lost: asyncio.Future[BrokerError] = self._loop.create_future()
        self.overflowed = False
        self.session_present = False
        self._opened = False
        self._write_deferred = False  # queued packets wait for `flush`
        self._awaiting_writable = False  # the loop reports when the socket is writable

    # Called by the connection

    async def open(self) -> None:
        """CONNECT and wait for the CONNACK. Raises BrokerError; call `close` in any case."""
        self._opening = True
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                await self._connect_socket()
                await self.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            # aiomqtt keeps only the text of the error that the network or TLS raised.
            raise explain(self._failure or error, self._address, self._options) from error
        finally:
            self._opening = False
        self._disconnected.add_done_callback(self._reading_or_writing_failed)
        self._opened = True

    async def close(self, timeout: float = 2.0) -> None:
        """DISCONNECT, so that the will is not published, and close the socket in any case."""
        self._abandoned = True
        try:
            if self._opened and not self._disconnected.done() and self._client.disconnect() == paho.MQTT_ERR_SUCCESS:
                await asyncio.wait([self._disconnected], timeout=timeout)
        finally:
            self.lose(BrokerDown("The connection was closed."))
            self._disconnected.cancel()
            # After the callbacks that aiomqtt has already queued in the loop: they would register a closed socket.
            self._loop.call_soon(self._release)

    def lose(self, reason: BrokerError) -> None:
        """Declare the connection lost: everything that waits for the broker fails with this reason."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self.largest_unanswered = max((size for size, _ in self._sent.values()), default=0)
        self.changed.set()
        for answer in list(self._unanswered.values()):
            if not answer.done():
                answer.set_exception(reason)

    def start_publish(
        self, topic: str, payload: bytes, qos: int, retain: bool, properties: Properties | None
    ) -> asyncio.Future[None]:
        """Queue the message for the next `flush`; the future ends with its PUBACK, or fails with the connection."""
        self._check_open()
        self._write_deferred = True
        try:
            sent = self._client.publish(topic, payload, qos, retain, properties)
        finally:
            self._write_deferred = False
        answer = self._await_answer(sent.rc, sent.mid)
        self._sent[sent.mid] = len(payload), topic
        return answer

    def flush(self) -> None:
        """Write what is queued to the socket now. In the loop's next turn it would wait for everything else that is
        due in this one (measured: 1.2 ms of log lines and answers)."""
        self._write()
        if self._client.want_write():
            self._write_when_ready(self._client.socket())

    def start_subscribe(self, topic_filters: tuple[str, ...], qos: int) -> asyncio.Future[list[ReasonCode]]:
        """Subscribe now; the future ends with the SUBACK's codes, or fails with the connection."""
        self._check_open()
        code, mid = self._client.subscribe([(name, qos) for name in topic_filters])
        return self._await_answer(code, mid)

    def take(self) -> Delivery:
        """The oldest unread delivery. Raises IndexError without one."""
        delivery = self.arrived.popleft()
        self._waiting_bytes -= len(delivery.payload)
        return delivery

    def acknowledge(self, delivery: Delivery) -> None:
        self._client.ack(delivery.packet_id, delivery.qos)

    # Called by the library

    @override
    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        # Not `asyncio.wait_for`, as in aiomqtt: in Python 3.11 it drops a cancellation that comes in the same turn as
        # the result, and a connection that should have ended is served without end. `open` has the timeout.
        return await fut

    @override
    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.session_present = flags.session_present
        self.packet_limit = getattr(properties, "MaximumPacketSize", None)
        self.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    @override
    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if self._opening and not self._connected.done():
            # aiomqtt would wait until its timeout for a CONNACK that cannot arrive any more.
            self._connected.set_exception(aiomqtt.MqttCodeError(reason_code))
        if (
            not self._connected.cancelled()
        ):  # cancelled together with the caller of `open`, which aiomqtt does not handle
            super()._on_disconnect(client, userdata, flags, reason_code, properties)
        # aiomqtt's own `_disconnected` is not enough: it is replaced, and the event lost, when a connection ends in
        # the same loop turn as its CONNACK.
        self.lose(ConnectionEnded(explain_end(reason_code, said=flags.is_disconnect_packet_from_server)))

    @override
    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if self.lost.done():
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # Invalid MQTT; unacknowledged it would be redelivered at every connect and block everything after it.
            _log.warning("Ignored a message: its topic is not UTF-8.")
            self._client.ack(message.mid, message.qos)
            return
        full = len(self.arrived) >= self._options.inbound_limit or self._waiting_bytes > self._options.inbound_bytes
        self.overflowed = self.overflowed or full
        if self.overflowed:
            return  # and everything that follows, or it would overtake this one
        properties = message.properties
        self._waiting_bytes += len(message.payload)
        self.arrived.append(
            Delivery(
                topic=topic,
                payload=bytes(message.payload),
                qos=message.qos,
                retain=message.retain,
                dup=message.dup,
                packet_id=message.mid,
                response_topic=getattr(properties, "ResponseTopic", None),
                correlation_data=getattr(properties, "CorrelationData", None),
            )
        )
        self.changed.set()

    @override
    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties | None
    ) -> None:
        _, topic = self._sent.pop(mid, (0, ""))
        answer = self._unanswered.pop(mid, None)
        if answer is None or answer.done():
            return
        if reason_code.is_failure:
            answer.set_exception(message_refused(topic, reason_code))
        else:
            answer.set_result(None)

    @override
    def _on_subscribe(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_codes: list[ReasonCode],
        properties: Properties | None = None,
    ) -> None:
        answer = self._unanswered.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(reason_codes)

    @override
    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        # aiomqtt registers in the loop's next turn. By then a broken connection has closed the socket (measured: at 15
        # of 200 breaks under load), and its file descriptor may belong to another connection.
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self._start_writing, sock)
        elif not self._write_deferred:
            self._write_when_ready(sock)

    @override
    def _on_socket_unregister_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        if self._awaiting_writable:
            self._awaiting_writable = False
            self._loop.remove_writer(sock.fileno())

    def _puback(self, kind: str) -> MQTTErrorCode:
        """PUBACKs that say success, all that were read: the library reads each in three parts, into two objects."""
        library = cast("Any", self._client)
        packet, code = library._in_packet["packet"], paho.MQTT_ERR_SUCCESS  # noqa: SLF001
        if kind != "PUBACK" or len(packet) != 2:
            return cast("MQTTErrorCode", self._library_puback(kind))
        for mid in (int.from_bytes(packet), *library._sock.take_pubacks()):  # noqa: SLF001
            with library._out_message_mutex:  # noqa: SLF001
                if mid in library._out_messages and not code:  # noqa: SLF001
                    code = library._do_on_publish(mid, _SUCCESS, None)  # noqa: SLF001
        return code

    def _start_writing(self, sock: Any) -> None:
        if sock.fileno() != -1 and self._client.want_write():
            self._write_when_ready(sock)

    def _write_when_ready(self, sock: Any) -> None:
        if sock is not None and not self._awaiting_writable:
            self._awaiting_writable = True
            self._loop.add_writer(sock.fileno(), self._write)

    def _write(self) -> None:
        self._join()
        try:
            self._client.loop_write()
        except (OSError, ValueError) as error:
            self.lose(ConnectionEnded(f"The connection to the broker ended: {error}."))
            self._release()

    def _join(self) -> None:
        """Let what waits go out in one piece: for each packet the library makes a system call, a tenth of the cost of a
        message. Not those of QoS 0, after which it does something."""
        waiting = cast("Any", self._client)._out_packet  # noqa: SLF001
        small = len(waiting) > 1 and sum(packet["to_process"] for packet in waiting) <= JOINED
        if small and all(packet["qos"] for packet in waiting):
            data = b"".join(packet["packet"][packet["pos"] :] for packet in waiting)
            last = waiting[-1]
            waiting.clear()
            waiting.append({**last, "pos": 0, "to_process": len(data), "packet": data})

    @override
    def _client_connect(self) -> None:
        """Nothing: `_connect_socket` has connected."""

    async def _connect_socket(self) -> None:
        """In a thread that Python does not wait for at its end, as for those of the loop: a host may be silent."""
        connected = asyncio.Event()

        def connect() -> None:
            try:
                self._connect()
            except Exception as failure:  # noqa: BLE001 - raised below
                self._failure = failure
            with suppress(RuntimeError):  # the loop has ended meanwhile
                # A cancelled caller cannot stop the thread: the last of the two closes the socket.
                self._loop.call_soon_threadsafe(self._release if self._abandoned else connected.set)

        threading.Thread(target=connect, name="mqtt connect", daemon=True).start()
        await connected.wait()
        if self._failure is not None:
            raise self._failure

    def _connect(self) -> None:
        super()._client_connect()
        self._read_ahead()

    def _check_open(self) -> None:
        if self.lost.done():
            raise self.lost.result()

    def _await_answer(self, code: MQTTErrorCode, mid: int | None) -> asyncio.Future[Any]:
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerDown(f"The connection accepts no more packets: {paho.error_string(code)}")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._unanswered[mid] = answer
        return answer

    def _reading_or_writing_failed(self, disconnected: asyncio.Future[None]) -> None:
        if not disconnected.cancelled() and (error := disconnected.exception()):
            self.lose(ConnectionEnded(f"The connection to the broker ended: {error}."))

    def _read_ahead(self) -> None:
        library = cast("Any", self._client)
        if (opened := library._sock) is None:  # noqa: SLF001 - no public call gives the library another socket
            return
        # Not aiomqtt's `socket_options`: it sets none on a socket that is wrapped, by us or for WebSocket. With Nagle's
        # algorithm a result waits 40 ms behind its command's PUBACK for the broker's delayed ACK (measured).
        getattr(opened, "_socket", opened).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        library._sock = ReadAhead(opened, self._cut)  # noqa: SLF001

    def _cut(self, size: int) -> None:
        packet = cast("Any", self._client)._in_packet  # noqa: SLF001
        if packet["command"] >> 4 == PacketTypes.PUBLISH:
            # Refused, it would come again at every connection and block everything behind it.
            _log.warning("%s sent a message of %s bytes: it is cut.", self._address.masked, f"{size:,}")
            packet["to_process"] = LONGEST
            return
        self._failure = failure = BrokerDown(
            f"{self._address.masked} sent a packet of {size:,} bytes, more than any answer has: is it your broker?"
        )
        self.lose(failure)
        raise ConnectionAbortedError("a packet over the limit")

    def _release(self) -> None:
        if self._client.socket() is not None:
            # No public call closes a socket without a DISCONNECT.
            cast("Any", self._client)._sock_close()  # noqa: SLF001
