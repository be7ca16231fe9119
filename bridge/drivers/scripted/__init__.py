"""A driver without WhatsApp: a test or a load script causes every event, in memory and in order."""

from bridge.drivers.scripted.driver import ScriptedDriver
from bridge.drivers.scripted.phone import ScriptedPhone, SendMode, SentMessage

__all__ = ["ScriptedDriver", "ScriptedPhone", "SendMode", "SentMessage"]
