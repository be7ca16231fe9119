"""Writes each change of a session's state or reason to its store, so that its history outlives the process.

A status that is published again unchanged writes no row. A bridge that is killed writes no end, so the newest row says
every few minutes until when its state is known to have lasted; the next start writes the end from there.
"""

from __future__ import annotations

import asyncio

from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.session_view import SessionView, StateChange
from bridge.ports import Clock, StateHistory

#: Seconds between two notes that a state lasts: an end without a clean stop is shown as early as that, at most.
SEEN_EVERY = 300.0
_GONE = Situation(SessionState.OFFLINE, Reason.BRIDGE_GONE)
#: Reasons with which a store is closed: nothing more is written before it is opened again.
_ENDS = (Reason.SHUT_DOWN, Reason.OWNED_ELSEWHERE, Reason.STORE_UNUSABLE, Reason.BRIDGE_FAULT, _GONE.reason)
#: States that a session can have while its store is closed.
_OUTSIDE = (SessionState.ERROR, SessionState.STANDBY)


def take_up(states: StateHistory, outside: SessionView, began: float) -> None:
    """Write what happened while the store was closed, as soon as it is open.

    The state in which a kill left the session ends when it was last seen; `began`: when this process did. Then comes
    what `outside` shows: a store that could not be opened, or another owner.
    """
    states.end_interrupted(_GONE, began, _ENDS)
    if outside.situation.state in _OUTSIDE:
        states.enter(outside.situation, outside.since)


class StateRecorder:
    """Records what the session's view says while its store is open."""

    def __init__(
        self, states: StateHistory, view: SessionView, clock: Clock, *, seen_every: float = SEEN_EVERY
    ) -> None:
        self._states = states
        self._view = view
        self._clock = clock
        self._seen_every = seen_every

    async def run(self) -> None:
        """Record until cancelled. The owner of the store enters what comes after."""
        clock = asyncio.get_running_loop().time
        with self._view.watch() as changes:
            self._enter(self._view.situation, self._view.since)
            due = clock() + self._seen_every
            while True:
                try:
                    # what changes without being a new state, such as the code to scan, must not put it off
                    async with asyncio.timeout_at(due):
                        change = await changes.get()
                except TimeoutError:
                    self._states.seen(self._clock.now())
                    due = clock() + self._seen_every
                    continue
                if isinstance(change, StateChange):
                    self._enter(change.situation, change.at)

    def _enter(self, situation: Situation, at: float) -> None:
        # A code that waits to be scanned is renewed every few minutes, for days: it waits all the time.
        if situation.reason is not Reason.QR_EXPIRED:
            self._states.enter(situation, at)
