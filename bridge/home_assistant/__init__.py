"""Home Assistant's view of the sessions: a device for each, by MQTT discovery. Imported only where WA_HA is or was on.

A door of its own beside `bridge.mqtt`, with its own connection: it publishes descriptions and the QR code as a picture.
What the entities show and do are the topics of the contract; nothing here carries messages.
"""

from bridge.home_assistant.discovery import Installation, device_of
from bridge.home_assistant.presence import HomeAssistantPresence
from bridge.home_assistant.record import RetainedTopics

__all__ = ["HomeAssistantPresence", "Installation", "RetainedTopics", "device_of"]
