"""The MQTT adapter of a session: its own connection, inbound commands, outbound messages.

Uses `bridge.broker` for all I/O; decides nothing about the meaning of a command.
"""

from bridge.mqtt.adapter import MqttAdapter
from bridge.mqtt.bot_switches import RetainedSwitches
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.options import MqttOptions, session_client_id
from bridge.mqtt.ownership import Owner, other_owner
from bridge.mqtt.progress import MqttProgress

__all__ = [
    "MqttAdapter",
    "MqttLimits",
    "MqttOptions",
    "MqttProgress",
    "Owner",
    "RetainedSwitches",
    "other_owner",
    "session_client_id",
]
