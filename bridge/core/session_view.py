"""The public state of a session: its situation, since when, its QR or pairing code, and every change of these."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.contract.messages import Qr
from bridge.contract.passkey import Passkey, console_line
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import Clock, PairingCode, PasskeyRequest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QrChange:
    """The QR code or pairing code changed; None = there is none any more."""

    qr: Qr | None


@dataclass(frozen=True, slots=True)
class PasskeyChange:
    """What WhatsApp asks about the passkey changed; None = it asks nothing."""

    passkey: Passkey | None


@dataclass(frozen=True, slots=True)
class StateChange:
    """State or reason changed, at `at` (unix seconds)."""

    situation: Situation
    since: float
    at: float


ViewChange = StateChange | QrChange | PasskeyChange


class SessionView:
    """Holds a session's situation; refuses a transition that the table does not have."""

    def __init__(self, session: str, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._watchers: list[asyncio.Queue[ViewChange]] = []
        self.situation = Situation(SessionState.STARTING, Reason.BROWSER_STARTING)
        self.since = clock.now()
        self.qr: Qr | None = None
        self.passkey: Passkey | None = None
        #: When a message, a tick or a request passed last, on the monotonic clock.
        self.active_at = clock.monotonic()
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

    def mark_active(self) -> None:
        """Note that the session has work: it does not fall asleep now."""
        self.active_at = self._clock.monotonic()

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

    def ask_passkey(self, request: PasskeyRequest | None) -> None:
        """Show what WhatsApp asks about the passkey, or clear it."""
        passkey = None
        if request is not None:
            passkey = Passkey(
                session=self._session,
                origin=request.origin,
                expires_at=instant(request.expires_at),
                options=None if request.options is None else dict(request.options),
                line=None if request.options is None else console_line(request.options),
                code=request.code,
            )
        if passkey != self.passkey:
            self.passkey = passkey
            self._notify(PasskeyChange(passkey))

    @contextmanager
    def watch(self) -> Iterator[asyncio.Queue[ViewChange]]:
        """A queue of every change from now on."""
        queue: asyncio.Queue[ViewChange] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            yield queue
        finally:
            self._watchers.remove(queue)

    def _notify(self, change: ViewChange) -> None:
        for queue in self._watchers:
            queue.put_nowait(change)
