"""MQTT connections; the only package that imports the MQTT library.

Owns addresses, CONNECT, publishing until the PUBACK, subscribing, manual acknowledgement, reconnecting. Knows no
topic and no payload of the contract. Carries nothing over from one connection to the next: the caller sends again
what was not acknowledged, since a client object that outlives its connection was measured to send commands to a
broker that had been given up on.
"""

from bridge.broker.address import BadAddress, BrokerAddress, parse_addresses
from bridge.broker.connection import BrokerConnection, connect
from bridge.broker.errors import BrokerDown, BrokerError, BrokerRefused, MessageRefused, PacketTooLarge
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
    "MessageRefused",
    "PacketTooLarge",
    "Publication",
    "Will",
    "connect",
    "keep_connected",
    "parse_addresses",
]
