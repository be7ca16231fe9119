"""Properties of MQTT 5 packets. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.broker.messages import BrokerOptions

#: Unacknowledged messages that a broker may send.
RECEIVE_MAXIMUM = 1000

# The library leaves properties untyped.
_new_properties = cast("Callable[[int], Any]", Properties)


def connect_properties(options: BrokerOptions) -> Properties:
    """For CONNECT: the number of inbound messages in flight, and the session's expiry."""
    properties = _new_properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = min(options.inbound_limit, RECEIVE_MAXIMUM)
    if not options.clean:
        properties.SessionExpiryInterval = options.session_expiry
    return cast("Properties", properties)


def publish_properties(
    response_topic: str | None, correlation_data: bytes | None, expiry: int | None
) -> Properties | None:
    """For PUBLISH; None if there are none."""
    properties = _new_properties(PacketTypes.PUBLISH)
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    if correlation_data is not None:
        properties.CorrelationData = correlation_data
    if expiry is not None:
        properties.MessageExpiryInterval = expiry
    return None if properties.isEmpty() else cast("Properties", properties)
