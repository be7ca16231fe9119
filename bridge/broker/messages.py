"""Values of a connection: options, will, publications, deliveries. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from bridge.broker.address import BrokerAddress

Protocol = Literal["3.1.1", "5"]


@dataclass(frozen=True)
class Will:
    """The message that the broker publishes when the connection ends without a DISCONNECT."""

    topic: str
    payload: bytes
    retain: bool = True
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One PUBLISH as received from the broker.

    `dup`: the broker may have sent it before. `packet_id` (0 at QoS 0) is unique only on its connection.
    `response_topic` and `correlation_data` exist only in MQTT 5.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    response_topic: str | None = None
    correlation_data: bytes | None = None


class Publication(NamedTuple):
    """A message for `BrokerConnection.publish_all`, at QoS 1. `correlation_data` is omitted on 3.1.1.

    `may_be_refused` marks an additional copy: if the broker refuses it, that is logged and not a failure.
    """

    topic: str
    payload: bytes | str
    correlation_data: bytes | None = None
    may_be_refused: bool = False


@dataclass(frozen=True)
class BrokerOptions:
    """How to connect. Times are seconds."""

    addresses: tuple[BrokerAddress, ...]
    """Tried in this order at every connect."""
    client_id: str
    """Fixed for a persistent session; the same id must never also be used clean. On the broker it has a suffix that is
    derived from the password (`client_id.py`)."""
    clean: bool
    """False: the broker keeps subscriptions and unacknowledged QoS 1 messages while the client is offline."""
    will: Will | None = None
    protocol: Protocol = "3.1.1"
    keepalive: int = 6
    """The broker waits 1.5 times as long and checks only every few seconds: with 10 s, a bridge behind a half-open
    network stayed `connected` for 17.7 s (measured), longer than its heartbeat; with 8 s, for 15.8 s."""
    connect_timeout: float = 10
    """For TCP, TLS and CONNACK together: amqtt never answers some CONNECTs, a NATS cluster may take 10 s."""
    acknowledge_timeout: float = 30
    """Timeout of a PUBACK or SUBACK, after which the connection is given up; a NATS cluster stalls up to 13 s."""
    inbound_limit: int = 20_000
    """Maximum number of unread deliveries. Further ones are not accepted, and the connection ends once the waiting
    ones are read: the broker then delivers the rest again. Pausing the socket instead would also delay PUBACKs, and
    with them a reader that publishes. Mosquitto 2.0.11 does not keep to its `max_inflight_messages` of 20 while a
    sender is quick: 1,446 unacknowledged ones of 5,000 (measured)."""
    inbound_bytes: int = 64 * 2**20
    """The same for their payloads together."""
    session_expiry: int = 30 * 24 * 3600
    """How long an MQTT 5 broker keeps a session that is not clean."""
    ca_file: str | None = None
    """PEM file with the certificate authorities to trust instead of the system's."""
