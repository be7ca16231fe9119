"""The MQTT door of a session: its own connection, what comes in by it and what goes out.

Everything here goes through `bridge.broker`; nothing here decides what a command means.
"""

from .door import Door, DoorOptions
from .ownership import Owner, other_owner
from .switches import RetainedSwitches

__all__ = ["Door", "DoorOptions", "Owner", "RetainedSwitches", "other_owner"]
