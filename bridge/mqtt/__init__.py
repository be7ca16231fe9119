"""The MQTT door of a session: its own connection, what comes in by it and what goes out.

Everything here goes through `bridge.broker`; nothing here decides what a command means.
"""

from bridge.mqtt.adapter import MqttAdapter, MqttOptions
from bridge.mqtt.bot_switches import RetainedSwitches
from bridge.mqtt.ownership import Owner, other_owner

__all__ = ["MqttAdapter", "MqttOptions", "Owner", "RetainedSwitches", "other_owner"]
