"""What the routes work with: the sessions, configured and running, and the shared parts of the bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.asgi.event_stream import OpenStreams
from bridge.broker import BrokerAddress
from bridge.contract.effective_settings import EffectiveSetting
from bridge.contract.errors import NoSuchSession, NotConnected
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.session_changes import BridgeCommand
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.core.session import Session
from bridge.core.session_entry import SessionEntry
from bridge.core.shared_media import SharedMedia
from bridge.http.agent_sends import AgentSends
from bridge.http.change_signal import ChangeSignal
from bridge.http.credentials import Credentials
from bridge.http.limits import HttpLimits
from bridge.http.log_ring import LogRing
from bridge.http.panel_sessions import PanelSessions
from bridge.http.service_gateway import ServiceGateway
from bridge.metrics.charts import ChartRecorder
from bridge.ports import (
    AccessRepository,
    BotSwitches,
    Clock,
    Journal,
    MediaQueue,
    Outbox,
    StateHistory,
    WebhookRepository,
)
from bridge.ports.broker_users import BrokerUsers
from bridge.store.uploads import Uploads
from bridge.webhooks.poster import WebhookPoster
from bridge.webhooks.registry import WebhookRegistry

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class AppContext:
    """`entries` changes in place as sessions are added and removed.

    `newer` is a release after `version`, where that is asked for. `settings` reads a file: call it in a thread.
    `broker` is the first address; `broker_users` None: it is not ours.
    `owner` is this bridge's name in statuses; `closing` ends requests that wait and event streams.
    """

    entries: Mapping[str, SessionEntry]
    change_sessions: Callable[[BridgeCommand], Awaitable[str | None]]
    owner: str
    registry: WebhookRegistry
    dead_letters: WebhookRepository
    access: AccessRepository
    agents: AgentSends
    credentials: Credentials
    logins: PanelSessions
    poster: WebhookPoster
    switches: BotSwitches
    media: SharedMedia
    uploads: Uploads
    campaigns: ServiceGateway
    responder: ServiceGateway
    clock: Clock
    charts: ChartRecorder
    changes: ChangeSignal
    metrics_text: Callable[[frozenset[str] | None], bytes]
    topics: Topics
    version: str
    newer: Callable[[], str | None]
    log: LogRing
    settings: Callable[[], list[EffectiveSetting]]
    broker: BrokerAddress
    broker_users: BrokerUsers | None
    limits: HttpLimits = field(default_factory=HttpLimits)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    streams: OpenStreams = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", OpenStreams(self.limits.event_streams))

    @property
    def default(self) -> str:
        """The session of paths that name none: the first."""
        return next(iter(self.entries))

    def entry(self, name: str | None = None) -> SessionEntry:
        """A configured session; without a name, the default one. Raises `NoSuchSession`."""
        found = self.entries.get(self.default if name is None else name)
        if found is None:
            raise NoSuchSession
        return found

    def status(self, entry: SessionEntry) -> SessionStatus:
        """The status of a session, running or not."""
        if entry.session is not None:
            return entry.session.status()
        situation = entry.view.situation
        return SessionStatus(
            session=entry.name,
            state=situation.state,
            reason=situation.reason,
            text=situation.text,
            since=instant(entry.view.since),
            at=instant(self.clock.now()),
            owner=self.owner,
        )


def running(entry: SessionEntry) -> Session:
    """The running session. Raises `NotConnected` with the reason if it does not run."""
    return _of_running(entry, entry.session)


def journal_of(entry: SessionEntry) -> Journal:
    """The session's streams. Raises `NotConnected` while its store is closed."""
    return _of_running(entry, entry.journal)


def outbox_of(entry: SessionEntry) -> Outbox:
    """The session's commands. Raises `NotConnected` while its store is closed."""
    return _of_running(entry, entry.outbox)


def media_of(entry: SessionEntry) -> MediaQueue:
    """The files of the session's messages. Raises `NotConnected` while its store is closed."""
    return _of_running(entry, entry.media)


def states_of(entry: SessionEntry) -> StateHistory:
    """The history of the session's states. Raises `NotConnected` while its store is closed."""
    return _of_running(entry, entry.states)


def _of_running(entry: SessionEntry, part: _T | None) -> _T:
    if part is None:
        raise NotConnected(f"The session {entry.name} does not run here: {entry.view.situation.text}")
    return part


def is_connected(entry: SessionEntry) -> bool:
    """Whether the session can send to WhatsApp and receive from it now."""
    return entry.session is not None and entry.view.situation.state is SessionState.CONNECTED


def is_at_rest(entry: SessionEntry) -> bool:
    """Whether the session was closed or logged out on request: `init` starts it."""
    situation = entry.view.situation
    return situation.state is SessionState.STOPPED or situation.reason is Reason.LOGGED_OUT_ON_REQUEST
