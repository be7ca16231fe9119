"""The MQTT adapter of a session: its own connection, inbound commands, outbound messages.

Uses `bridge.broker` for all I/O; decides nothing about the meaning of a command.
"""

from bridge.mqtt.adapter import MqttAdapter, MqttOptions
from bridge.mqtt.bot_switches import RetainedSwitches
from bridge.mqtt.ownership import Owner, other_owner

__all__ = ["MqttAdapter", "MqttOptions", "Owner", "RetainedSwitches", "other_owner"]
