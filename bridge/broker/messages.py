"""What a connection is given and gives back: options, will, deliveries. Values only, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from bridge.broker.address import BrokerAddress

Protocol = Literal["3.1.1", "5"]


@dataclass(frozen=True)
class Will:
    """What the broker publishes for us when the connection ends without a DISCONNECT."""

    topic: str
    payload: bytes
    retain: bool = True
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One PUBLISH as it came from the broker.

    `dup` is the broker's word that it may have sent this before; `packet_id` (0 at QoS 0) is only unique on
    its connection. `response_topic` and `correlation_data` exist in MQTT 5 alone.
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
    """What `Connection.publish_all` publishes, at QoS 1. `correlation_data` is left out on 3.1.1.

    One that `may_be_refused` is nobody's only copy: that the broker refuses it is logged, and no failure.
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
    """Fixed for a persistent session; the same id must never also be used clean."""
    clean: bool
    """False: the broker keeps subscriptions and unacknowledged QoS 1 messages while we are away."""
    will: Will | None = None
    protocol: Protocol = "3.1.1"
    keepalive: int = 6
    """The broker waits for half as long again, and looks every few seconds: with 10 s a bridge behind a half-open
    network was `connected` for 17.7 s (measured), longer than its heartbeat, and with 8 s for 15.8 s."""
    connect_timeout: float = 10
    """For the whole of TCP, TLS and CONNACK: amqtt never answers some CONNECTs, a NATS cluster may take 10
    s."""
    acknowledge_timeout: float = 30
    """How long a PUBACK or SUBACK may take before the connection is given up; a NATS cluster stalls up to
    13 s."""
    inbound_limit: int = 1000
    """Deliveries that may wait to be read. What comes beyond is not taken in, and the connection is ended once those
    that wait are read: the broker then delivers the rest again. A pause in reading the socket would hold up PUBACKs
    too, and with them a reader that publishes."""
    session_expiry: int = 30 * 24 * 3600
    """How long a version 5 broker keeps a session that is not clean."""
    ca_file: str | None = None
    """PEM file of the certificate authorities to trust instead of the system's."""
