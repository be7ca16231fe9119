"""Protocols that the core calls, and the values that cross them. No I/O and no MQTT, HTTP or browser library here.

Adapters implement these: `drivers/*` the `WhatsAppDriver`; `store/*` the `Journal`, `Outbox`, `KeyValueStore` and the
repositories; `webhooks/*` the `WebhookPost`; `mqtt/*` the `BotSwitches` and the `PublishProgress`. The session is the
driver's `DriverSink`. Stores, webhooks and MQTT report an `Event`; `metrics/*` observe them.
"""

from bridge.ports.access import AccessRepository, ApiKey, AuditEntry, BotSwitches, Scope
from bridge.ports.charts import ChartRepository, ChartRow
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
from bridge.ports.events import (
    AlreadyJournalled,
    CommandAdvanced,
    CommandClaimed,
    EmptyCommand,
    Event,
    Journalled,
    Observer,
    Posted,
    PostOutcome,
    Published,
    Step,
    durations,
)
from bridge.ports.journal import MQTT_READER, Bounds, Journal, JournalRecord, StoreUnusable, StreamPage
from bridge.ports.key_value import KeyValueStore
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
from bridge.ports.progress import PublishProgress
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
    "MQTT_READER",
    "AccessRepository",
    "Account",
    "AckChange",
    "AlreadyJournalled",
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
    "CommandAdvanced",
    "CommandClaimed",
    "CommandOrigin",
    "DeadLetter",
    "DriverSink",
    "DriverUnavailable",
    "EmptyCommand",
    "Event",
    "Failure",
    "IllegalSendStep",
    "IncomingEvent",
    "IncomingMessage",
    "Item",
    "Journal",
    "JournalRecord",
    "Journalled",
    "KeyValueStore",
    "LookUp",
    "NewNotice",
    "Notice",
    "Observer",
    "Outbox",
    "OutboxRow",
    "PairingCode",
    "Position",
    "PostAnswer",
    "PostOutcome",
    "Posted",
    "PublishProgress",
    "Published",
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
    "durations",
]
