"""Protocols that the core talks to, and the values that cross them. No I/O and no MQTT, HTTP or browser library here.

Adapters implement these: `drivers/*` the `WhatsAppDriver`, `store/*` the `Journal`, the `Outbox` and the `Memory`.
The session is the driver's `DriverSink`.
"""

from .driver import (
    Account,
    AckChange,
    CallInDoubt,
    DriverSink,
    DriverUnavailable,
    IncomingMessage,
    LookUp,
    PairingCode,
    WhatsAppDriver,
)
from .journal import Bounds, Journal, JournalRecord, StoreUnusable, StreamPage
from .memory import Clock, Memory
from .outbox import (
    Change,
    Claim,
    Claimed,
    IllegalSendStep,
    NewNotice,
    Notice,
    Origin,
    Outbox,
    OutboxRow,
)

__all__ = [
    "Account",
    "AckChange",
    "Bounds",
    "CallInDoubt",
    "Change",
    "Claim",
    "Claimed",
    "Clock",
    "DriverSink",
    "DriverUnavailable",
    "IllegalSendStep",
    "IncomingMessage",
    "Journal",
    "JournalRecord",
    "LookUp",
    "Memory",
    "NewNotice",
    "Notice",
    "Origin",
    "Outbox",
    "OutboxRow",
    "PairingCode",
    "StoreUnusable",
    "StreamPage",
    "WhatsAppDriver",
]
