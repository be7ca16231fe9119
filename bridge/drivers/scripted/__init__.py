"""A driver without WhatsApp: what happens is written by a test or a load script, in memory and in order."""

from .driver import ScriptedDriver
from .phone import ScriptedPhone, SendMode, Sent

__all__ = ["ScriptedDriver", "ScriptedPhone", "SendMode", "Sent"]
