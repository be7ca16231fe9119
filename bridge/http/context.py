"""The sessions as routes see them: what is configured, what runs, and the answers that need no running session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bridge.contract.errors import NoSuchSession, NotConnected
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.core.session import Session
from bridge.core.session_entry import SessionEntry
from bridge.http.credentials import Credentials
from bridge.http.limits import HttpLimits
from bridge.http.panel_sessions import PanelSessions
from bridge.metrics.charts import ChartRecorder
from bridge.ports import AccessRepository, BotSwitches, Clock, Journal, Outbox, WebhookRepository
from bridge.webhooks import WebhookRegistry
from bridge.webhooks.poster import WebhookPoster


@dataclass(slots=True)
class Streams:
    """Event streams that are open."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class AppContext:
    """What the routes work with. `owner` is this bridge's name in statuses; `closing` ends what waits."""

    places: Mapping[str, SessionEntry]
    default: str
    owner: str
    listeners: WebhookRegistry
    letters: WebhookRepository
    access: AccessRepository
    credentials: Credentials
    logins: PanelSessions
    webhooks: WebhookPoster
    switches: BotSwitches
    clock: Clock
    history: ChartRecorder
    metrics_text: Callable[[], bytes]
    topics: Topics
    version: str
    limits: HttpLimits = field(default_factory=HttpLimits)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    streams: Streams = field(default_factory=Streams)

    def place(self, name: str | None = None) -> SessionEntry:
        """A configured session, the default one without a name. Raises `NoSuchSession`."""
        found = self.places.get(self.default if name is None else name)
        if found is None:
            raise NoSuchSession
        return found

    def status(self, place: SessionEntry) -> SessionStatus:
        """The status of a session, whether it runs or not."""
        if place.session is not None:
            return place.session.status()
        situation = place.view.situation
        return SessionStatus(
            session=place.name,
            state=situation.state,
            reason=situation.reason,
            text=situation.text,
            since=instant(place.view.since),
            at=instant(self.clock.now()),
            owner=self.owner,
        )


def places_by_name(places: Sequence[SessionEntry]) -> dict[str, SessionEntry]:
    """Places under their names, in order."""
    return {place.name: place for place in places}


def running(place: SessionEntry) -> Session:
    """The running session. Raises `NotConnected` with why there is none."""
    if place.session is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.session


def journal_of(place: SessionEntry) -> Journal:
    """The session's streams. Raises `NotConnected` while its store is closed."""
    if place.journal is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.journal


def outbox_of(place: SessionEntry) -> Outbox:
    """The session's commands. Raises `NotConnected` while its store is closed."""
    if place.outbox is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.outbox


def is_connected(place: SessionEntry) -> bool:
    """Whether the whole path to WhatsApp works."""
    return place.session is not None and place.view.situation.state is SessionState.CONNECTED


def is_at_rest(place: SessionEntry) -> bool:
    """Whether the session was closed or logged out on request, so that `init` would start it."""
    situation = place.view.situation
    return situation.state is SessionState.STOPPED or situation.reason is Reason.LOGGED_OUT_ON_REQUEST
