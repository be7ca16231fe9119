"""The states of the sessions, as the campaigns need them: who can send now, and who is locked by WhatsApp."""

from __future__ import annotations

from collections.abc import Callable

from bridge.client import Client, SessionStatus
from bridge.contract.session import SessionState

#: States that a person has to end first.
NEEDS_A_PERSON = frozenset({SessionState.LOGGED_OUT, SessionState.PAIRING, SessionState.STOPPED})


class SessionStates:
    """The newest status of each session."""

    def __init__(self) -> None:
        self._statuses: dict[str, SessionStatus] = {}

    def forget(self) -> None:
        """Nothing is known any more: another service may have worked meanwhile."""
        self._statuses.clear()

    async def run(self, client: Client, changed: Callable[[str], None]) -> None:
        """Follow the statuses; `changed` gets the session of each."""
        async for status in client.watch_status():
            self._statuses[status.session] = status
            changed(status.session)

    def of(self, session: str) -> SessionStatus | None:
        """The newest status; None while there is none."""
        return self._statuses.get(session)

    def epoch(self, session: str) -> str | None:
        """The epoch of the bridge's store while the session can send; None while it cannot."""
        status = self.of(session)
        return status.epoch if status is not None and status.state is SessionState.CONNECTED else None

    def locked_until(self, session: str, now: float) -> float | None:
        """When WhatsApp's lock on new chats ends; None without one."""
        status = self.of(session)
        until = None if status is None or status.limits is None else status.limits.reach_out_locked_until
        return until.timestamp() if until is not None and until.timestamp() > now else None
