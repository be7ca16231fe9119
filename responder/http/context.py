"""What the routes work with: the parts of the responder that HTTP may read and change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bridge.asgi.api_credentials import SharedCredentials
from bridge.asgi.event_stream import OpenStreams
from bridge.asgi.settings_report import SettingsReport
from bridge.sql.database import SqlDatabase
from responder.changes import Changes
from responder.chat_state import OpeningTimes
from responder.faults import FaultLog
from responder.http.limits import SurfaceLimits
from responder.incoming import ReceivedMessage
from responder.model import Model
from responder.rules_editor import RulesEditor
from responder.rules_file import RulesFile
from responder.settings import ResponderSettings
from responder.store.chats import Chats
from responder.store.human_replies import HumanReplies
from responder.store.rows import Turn
from responder.store.switches import Switches
from responder.transcriber import Transcriber
from responder.transports import WhatsAppState
from responder.webhook import LegacySender


@dataclass(frozen=True, slots=True)
class Surface:
    """`take` records a message from a webhook; `resume` publishes a turn; `unready` lists the current problems.
    `stopped` is called after a chat was paused here.
    `chat_time` is the clock of messages and pauses, the bridge's.
    `has_started`: the database was ready once.

    `opening` is in force now; `is_open` says it of a moment.
    `sender` is that of webhook mode. `switched` is called after a switch was set here; `closing` ends streams.
    """

    settings: ResponderSettings
    report: SettingsReport
    database: SqlDatabase
    chats: Chats
    switches: Switches
    human: HumanReplies
    rules: RulesFile
    editor: RulesEditor
    opening: Callable[[], OpeningTimes]
    is_open: Callable[[float], bool]
    model: Model | None
    transcriber: Transcriber | None
    faults: FaultLog
    changes: Changes
    now: Callable[[], float]
    chat_time: Callable[[], float]
    started_at: float
    take: Callable[[ReceivedMessage], Awaitable[None]]
    resume: Callable[[Turn], None]
    stopped: Callable[[int], None]
    sender: LegacySender | None
    whatsapp: Callable[[], Awaitable[WhatsAppState]]
    has_started: Callable[[], bool]
    unready: Callable[[], list[str]]
    switched: Callable[[], None]
    closing: asyncio.Event
    limits: SurfaceLimits
    shared: SharedCredentials | None
    #: One change of the rules file at a time.
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    streams: OpenStreams = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", OpenStreams(self.limits.streams))
