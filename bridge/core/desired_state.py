"""What a session is to be until somebody asks otherwise. Stored, so that it survives restarts."""

from __future__ import annotations

from enum import StrEnum

from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import Memory

_NAME = "desired"


class Desired(StrEnum):
    """The stored values."""

    RUNNING = "running"
    CLOSED = "closed"
    ENDED = "logged_out"

    @property
    def rest(self) -> Situation:
        """The situation of a session that is closed or logged out on request."""
        if self is Desired.ENDED:
            return Situation(SessionState.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
        return Situation(SessionState.STOPPED, Reason.CLOSED_ON_REQUEST)


async def read_desired(memory: Memory) -> Desired:
    """What was asked for last; a new session runs."""
    return Desired(await memory.get(_NAME) or Desired.RUNNING)


async def store_desired(memory: Memory, desired: Desired) -> None:
    """Durable on return."""
    await memory.set(_NAME, desired)
