"""The port to the history of a session's states: what its status said, from when until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bridge.contract.session import Reason, SessionState, Situation


@dataclass(frozen=True, slots=True)
class PastState:
    """A state with its reason. Times are unix seconds; `until` None: it lasts. `number` grows from change to change."""

    number: int
    state: SessionState
    reason: Reason
    since: float
    until: float | None


class StateHistory(Protocol):
    """Changes of one session's state or reason. Details are not kept: they are in the log.

    What is written is on disk soon, not at once: a kill loses the last moments. What the store cannot write is lost
    without an error: a record of what happened must hold up nothing that happens. Times never go back from one state to
    the next, even where the clock does.
    """

    def enter(self, situation: Situation, at: float) -> None:
        """Add a state; one with the newest state and reason adds nothing."""
        ...

    def seen(self, at: float) -> None:
        """Note that the newest state has lasted until `at`."""
        ...

    def end_interrupted(self, situation: Situation, before: float, ends: Collection[Reason]) -> None:
        """Where the newest state was last seen before `before`, add `situation` from then on; not where its reason is
        one of `ends`, which last until the next start."""
        ...

    async def newest(self, limit: int, before: int | None = None) -> list[PastState]:
        """States, newest first; of those with a number below `before`. Raises `StoreUnusable`."""
        ...
