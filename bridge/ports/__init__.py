"""Protocols that the core talks to, and the values that cross them. No I/O and no MQTT, HTTP or browser library here.

Adapters implement these: `drivers/*` the `WhatsAppDriver`, `store/*` the `Journal`, the `Outbox`, the `Memory` and
the two books, `http/*` the `WebhookPost` and the `Metrics`, `mqtt/*` the `BotSwitches`. The session is the driver's
`DriverSink`.
"""

from bridge.ports.access import AccessBook, ApiKey, AuditEntry, BotSwitches, Scope
from bridge.ports.driver import (
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
from bridge.ports.journal import Bounds, Journal, JournalRecord, StoreUnusable, StreamPage
from bridge.ports.key_value import Clock, Memory
from bridge.ports.metrics import ChartBook, ChartRow, Delivery, Metrics, Step
from bridge.ports.outbox import (
    Change,
    Claim,
    Claimed,
    IllegalSendStep,
    NewNotice,
    Notice,
    Origin,
    Outbox,
    OutboxRow,
    ReplyTo,
)
from bridge.ports.webhooks import (
    MESSAGE,
    Choice,
    DeadLetter,
    Failure,
    Listener,
    ListenerBook,
    Position,
    PostAnswer,
    WebhookPost,
)

__all__ = [
    "MESSAGE",
    "AccessBook",
    "Account",
    "AckChange",
    "ApiKey",
    "AuditEntry",
    "BotSwitches",
    "Bounds",
    "CallInDoubt",
    "Change",
    "ChartBook",
    "ChartRow",
    "Choice",
    "Claim",
    "Claimed",
    "Clock",
    "DeadLetter",
    "Delivery",
    "DriverSink",
    "DriverUnavailable",
    "Failure",
    "IllegalSendStep",
    "IncomingMessage",
    "Journal",
    "JournalRecord",
    "Listener",
    "ListenerBook",
    "LookUp",
    "Memory",
    "Metrics",
    "NewNotice",
    "Notice",
    "Origin",
    "Outbox",
    "OutboxRow",
    "PairingCode",
    "Position",
    "PostAnswer",
    "ReplyTo",
    "Scope",
    "Step",
    "StoreUnusable",
    "StreamPage",
    "WebhookPost",
    "WhatsAppDriver",
]
