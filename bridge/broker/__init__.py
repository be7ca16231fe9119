"""The MQTT side's plumbing, and the only package that knows the MQTT library.

Owns connections: addresses, CONNECT, publishing until the PUBACK, subscribing, acknowledging by hand,
reconnecting. Knows no topic of ours and no payload. Refuses to carry anything over from one connection to the
next: what was not acknowledged is its caller's to send again, since a client object that outlives its
connection was measured to send commands to a broker that had been given up on.
"""

from bridge.broker.address import BadAddress, BrokerAddress, parse_addresses
from bridge.broker.connection import BrokerConnection, connect
from bridge.broker.errors import BrokerDown, BrokerError, BrokerRefused
from bridge.broker.messages import BrokerOptions, Delivery, Publication, Will
from bridge.broker.reconnect import RECONNECT, keep_connected

__all__ = [
    "RECONNECT",
    "BadAddress",
    "BrokerAddress",
    "BrokerConnection",
    "BrokerDown",
    "BrokerError",
    "BrokerOptions",
    "BrokerRefused",
    "Delivery",
    "Publication",
    "Will",
    "connect",
    "keep_connected",
    "parse_addresses",
]
