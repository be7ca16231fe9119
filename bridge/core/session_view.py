"""The public state of a session: its situation, since when, its QR or pairing code, and every change of these."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.contract.messages import Qr
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import Clock, PairingCode

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QrChange:
    """The QR code or pairing code changed; None = there is none any more."""

    qr: Qr | None


@dataclass(frozen=True, slots=True)
class StateChange:
    """State or reason changed, at `at` (unix seconds)."""

    situation: Situation
    since: float
    at: float


class SessionView:
    """Holds a session's situation; refuses a transition that the table does not have."""

    def __init__(self, session: str, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._watchers: list[asyncio.Queue[StateChange | QrChange]] = []
        self.situation = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
        self.since = clock.now()
        self.qr: Qr | None = None
        #: How often an established connection was lost.
        self.losses = 0

    def set(self, situation: Situation) -> None:
        """Enter a situation. Raises `IllegalTransition`."""
        before, self.situation = self.situation, self.situation.followed_by(situation)
        if before == situation:
            return
        now = self._clock.now()
        if before.state is not situation.state:
            self.since = now
            self.losses += before.state is SessionState.CONNECTED and situation.state is SessionState.RECONNECTING
        _log.info("%s: %s (%s)", self._session, situation.state, situation.reason)
        self._notify(StateChange(situation, self.since, now))

    def show(self, code: PairingCode | None) -> None:
        """Show a QR code or pairing code, or clear it."""
        qr = None
        if code is not None:
            qr = Qr(
                session=self._session,
                code=code.code,
                link_code=code.link_code,
                expires_at=instant(code.expires_at),
            )
        if qr != self.qr:
            self.qr = qr
            self._notify(QrChange(qr))

    @contextmanager
    def watch(self) -> Iterator[asyncio.Queue[StateChange | QrChange]]:
        """A queue of every change from now on."""
        queue: asyncio.Queue[StateChange | QrChange] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            yield queue
        finally:
            self._watchers.remove(queue)

    def _notify(self, change: StateChange | QrChange) -> None:
        for queue in self._watchers:
            queue.put_nowait(change)
