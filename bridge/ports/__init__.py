"""Protocols that the core talks to, and the values that cross them. No I/O and no MQTT, HTTP or browser library here.

Adapters implement these: `drivers/*` the `WhatsAppDriver`; `store/*` the `Journal`, `Outbox`, `KeyValueStore` and the
repositories; `webhooks/*` the `WebhookPost`; `metrics/*` the `Metrics`; `mqtt/*` the `BotSwitches`. The session is the
driver's `DriverSink`.
"""

from bridge.ports.access import AccessRepository, ApiKey, AuditEntry, BotSwitches, Scope
from bridge.ports.clock import Clock
from bridge.ports.driver import (
    Account,
    AckChange,
    CallInDoubt,
    DriverSink,
    DriverUnavailable,
    IncomingEvent,
    IncomingMessage,
    Item,
    LookUp,
    PairingCode,
    WhatsAppDriver,
)
from bridge.ports.journal import Bounds, Journal, JournalRecord, StoreUnusable, StreamPage
from bridge.ports.key_value import KeyValueStore
from bridge.ports.metrics import ChartRepository, ChartRow, Metrics, PostOutcome, Step
from bridge.ports.outbox import (
    Change,
    Claim,
    Claimed,
    CommandOrigin,
    IllegalSendStep,
    NewNotice,
    Notice,
    Outbox,
    OutboxRow,
    ReplyTo,
)
from bridge.ports.webhooks import (
    MESSAGE,
    DeadLetter,
    Failure,
    Position,
    PostAnswer,
    Webhook,
    WebhookFilter,
    WebhookPost,
    WebhookRepository,
)

__all__ = [
    "MESSAGE",
    "AccessRepository",
    "Account",
    "AckChange",
    "ApiKey",
    "AuditEntry",
    "BotSwitches",
    "Bounds",
    "CallInDoubt",
    "Change",
    "ChartRepository",
    "ChartRow",
    "Claim",
    "Claimed",
    "Clock",
    "CommandOrigin",
    "DeadLetter",
    "DriverSink",
    "DriverUnavailable",
    "Failure",
    "IllegalSendStep",
    "IncomingEvent",
    "IncomingMessage",
    "Item",
    "Journal",
    "JournalRecord",
    "KeyValueStore",
    "LookUp",
    "Metrics",
    "NewNotice",
    "Notice",
    "Outbox",
    "OutboxRow",
    "PairingCode",
    "Position",
    "PostAnswer",
    "PostOutcome",
    "ReplyTo",
    "Scope",
    "Step",
    "StoreUnusable",
    "StreamPage",
    "Webhook",
    "WebhookFilter",
    "WebhookPost",
    "WebhookRepository",
    "WhatsAppDriver",
]
