"""The sessions as routes see them: what is configured, what runs, and the answers that need no running session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.contract.errors import NoSuchSession, NotConnected
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.history import History
from bridge.listeners import Listeners
from bridge.ports import AccessBook, BotSwitches, Clock, Journal, ListenerBook, Outbox
from bridge.session import Session
from bridge.view import SessionView

from .counters import Counters
from .credentials import Credentials
from .logins import Logins
from .webhooks import Webhooks


class Place(Protocol):
    """A configured session. `session`, `journal` and `outbox` are None while its store is closed: an unusable store,
    or another bridge that owns the session."""

    @property
    def name(self) -> str:
        """The session's name."""
        ...

    @property
    def cliente_id(self) -> int:
        """The legacy number of the customer it belongs to."""
        ...

    @property
    def view(self) -> SessionView:
        """State and pairing code now, whether the session runs or not."""
        ...

    @property
    def session(self) -> Session | None:
        """The running session."""
        ...

    @property
    def journal(self) -> Journal | None:
        """Its streams."""
        ...

    @property
    def outbox(self) -> Outbox | None:
        """Its commands."""
        ...


@dataclass(slots=True)
class Streams:
    """Event streams that are open."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with. `owner` is this bridge's name in statuses; `closing` ends what waits."""

    places: Mapping[str, Place]
    default: str
    owner: str
    listeners: Listeners
    letters: ListenerBook
    access: AccessBook
    credentials: Credentials
    logins: Logins
    webhooks: Webhooks
    switches: BotSwitches
    clock: Clock
    history: History
    counters: Counters
    topics: Topics
    version: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    streams: Streams = field(default_factory=Streams)

    def place(self, name: str | None = None) -> Place:
        """A configured session, the default one without a name. Raises `NoSuchSession`."""
        found = self.places.get(self.default if name is None else name)
        if found is None:
            raise NoSuchSession
        return found

    def status(self, place: Place) -> SessionStatus:
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


def places_by_name(places: Sequence[Place]) -> dict[str, Place]:
    """Places under their names, in order."""
    return {place.name: place for place in places}


def running(place: Place) -> Session:
    """The running session. Raises `NotConnected` with why there is none."""
    if place.session is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.session


def journal_of(place: Place) -> Journal:
    """The session's streams. Raises `NotConnected` while its store is closed."""
    if place.journal is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.journal


def outbox_of(place: Place) -> Outbox:
    """The session's commands. Raises `NotConnected` while its store is closed."""
    if place.outbox is None:
        raise NotConnected(f"The session {place.name} does not run here: {place.view.situation.text}")
    return place.outbox


def is_connected(place: Place) -> bool:
    """Whether the whole path to WhatsApp works."""
    return place.session is not None and place.view.situation.state is SessionState.CONNECTED


def is_at_rest(place: Place) -> bool:
    """Whether the session was closed or logged out on request, so that `init` would start it."""
    situation = place.view.situation
    return situation.state is SessionState.STOPPED or situation.reason is Reason.LOGGED_OUT_ON_REQUEST
