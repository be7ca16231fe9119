"""A session on MQTT: its own connection, the commands that arrive by it and everything published through it.

All of it goes through `bridge.broker`; nothing here decides what a command means.
"""

from bridge.mqtt.adapter import MqttAdapter
from bridge.mqtt.bot_switches import RetainedSwitches
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.options import MqttOptions
from bridge.mqtt.ownership import Owner, other_owner
from bridge.mqtt.progress import MqttProgress

__all__ = ["MqttAdapter", "MqttLimits", "MqttOptions", "MqttProgress", "Owner", "RetainedSwitches", "other_owner"]
