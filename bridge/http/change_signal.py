"""Wakes the pages of the panel that are open when something changed that they show.

It says neither what nor where: a page asks for that, so a hint that is lost loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.ports import CommandAdvanced, CommandClaimed, Event, Journalled, StateEntered

#: A message or an event of the journal, a command, a tick, a state. What follows each of them by itself, such as its
#: PUBACK, would only make every page ask twice.
_SHOWN = (Journalled, CommandClaimed, CommandAdvanced, StateEntered)


class ChangeSignal:
    """An observer of the stores. Many changes before a page looks wake it once."""

    def __init__(self) -> None:
        self._watches: dict[asyncio.Event, frozenset[str] | None] = {}

    def observe(self, session: str, event: Event) -> None:
        if isinstance(event, _SHOWN):
            for changed, sessions in self._watches.items():
                if sessions is None or session in sessions:
                    changed.set()

    @contextmanager
    def watch(self, sessions: frozenset[str] | None) -> Iterator[asyncio.Event]:
        """An event that each change in `sessions` sets inside the block; None = in every session."""
        changed = asyncio.Event()
        self._watches[changed] = sessions
        try:
            yield changed
        finally:
            del self._watches[changed]
