"""The state that an admin requested last: running, closed, asleep or logged out.

Stored, so that it survives restarts.
"""

from __future__ import annotations

from enum import StrEnum

from bridge.contract.session import Reason, SessionState, Situation
from bridge.ports import KeyValueStore

_NAME = "desired"


class DesiredState(StrEnum):
    RUNNING = "running"
    CLOSED = "closed"
    ASLEEP = "asleep"
    ENDED = "logged_out"

    @property
    def rest(self) -> Situation:
        """The situation of a session that is closed, asleep or logged out on request."""
        if self is DesiredState.ENDED:
            return Situation(SessionState.LOGGED_OUT, Reason.LOGGED_OUT_ON_REQUEST)
        if self is DesiredState.ASLEEP:
            return Situation(SessionState.STOPPED, Reason.ASLEEP)
        return Situation(SessionState.STOPPED, Reason.CLOSED_ON_REQUEST)


async def read_desired(memory: KeyValueStore) -> DesiredState:
    """The stored state; a new session is running."""
    return DesiredState(await memory.get(_NAME) or DesiredState.RUNNING)


async def store_desired(memory: KeyValueStore, desired: DesiredState) -> None:
    await memory.set(_NAME, desired)
