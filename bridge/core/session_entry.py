"""A configured session as HTTP and metrics see it, running or not."""

from __future__ import annotations

from typing import Protocol

from bridge.core.effective_options import EffectiveOptions
from bridge.core.session import Session
from bridge.core.session_view import SessionView
from bridge.ports import Journal, MediaQueue, Outbox, StateHistory


class SessionEntry(Protocol):
    """A configured session. `session` and all parts of its store are None while that is closed: an unusable store, or
    another bridge that owns the session."""

    @property
    def name(self) -> str: ...

    @property
    def cliente_id(self) -> int:
        """The legacy number of the customer it belongs to."""
        ...

    @property
    def view(self) -> SessionView:
        """Current state and pairing code, running or not."""
        ...

    @property
    def options(self) -> EffectiveOptions:
        """What holds for it of what can be set for each session."""
        ...

    @property
    def session(self) -> Session | None: ...

    @property
    def journal(self) -> Journal | None: ...

    @property
    def media(self) -> MediaQueue | None: ...

    @property
    def outbox(self) -> Outbox | None: ...

    @property
    def states(self) -> StateHistory | None: ...
