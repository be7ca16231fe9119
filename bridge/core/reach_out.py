"""Holds first messages while WhatsApp does not let them through. Answers go on."""

from __future__ import annotations

import math
from collections.abc import Callable

from bridge.contract.errors import CodedError, ReachOutLocked
from bridge.core.account_limits import LimitsKeeper
from bridge.core.budgets import FirstMessages
from bridge.ports import Clock


class ReachOutLock:
    """What WhatsApp's lock does to the first messages of one session."""

    def __init__(self, first_messages: FirstMessages, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called when one may go, or must wait longer."""
        self._first_messages = first_messages
        self._clock = clock
        self._wake = wake
        self._limits: LimitsKeeper | None = None

    def obey(self, limits: LimitsKeeper) -> None:
        """Take the lock from there; without it nothing is held."""
        self._limits = limits
        limits.on_change(self._changed)

    def refused(self, error: CodedError) -> None:
        """A message was not sent because of this error."""
        if isinstance(error, ReachOutLocked) and self._limits is not None:
            self._limits.refused(error.until)

    def _changed(self) -> None:
        until = None if self._limits is None else self._limits.locked_until
        left = -math.inf if until is None else until - self._clock.now()
        self._first_messages.locked_until = self._clock.monotonic() + left
        self._wake()
