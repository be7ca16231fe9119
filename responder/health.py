"""How the responder is: what is amiss now, and how the connection to WhatsApp stands. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from bridge.client import Client, SessionStatus
from bridge.contract.session import SessionState
from responder.errors import SenderFailed
from responder.http.context import WhatsApp
from responder.store.database import ResponderDatabase
from responder.store.rows import Lease
from responder.webhook import LegacySender


class Health:
    """Filled in as the parts come about. `follow` is run beside a client."""

    def __init__(self, database: ResponderDatabase, held: Mapping[str, Lease], sessions: tuple[str, ...]) -> None:
        self._database = database
        self._held = held
        self._sessions = sessions
        self._statuses: dict[str, SessionStatus] = {}
        self.client: Client | None = None
        self.sender: LegacySender | None = None

    async def follow(self, client: Client) -> None:
        """Keep the statuses of the sessions, until cancelled."""
        async for status in client.watch_status():
            self._statuses[status.session] = status

    def amiss(self) -> list[str]:
        """Why messages are not recorded or not answered now; empty when they are."""
        amiss = []
        if self._database.trouble is not None:
            amiss.append("database")
        if self.sender is not None and not self.sender.is_registered:
            amiss.append("sender")
        elif self.sender is None and (self.client is None or not self.client.is_connected):
            amiss.append("broker")
        elif self.sender is None and not any(self._is_there(session) for session in self._sessions):
            amiss.append("bridge")
        if not self._held:
            amiss.append("leases")  # none yet, or all of them are other replicas'
        return amiss

    async def whatsapp(self) -> WhatsApp:
        """How the first session's connection is, in the legacy words."""
        if self.sender is not None:
            try:
                told = await self.sender.state()
                return WhatsApp(told.get("connected") is True, str(told.get("state")), int(told.get("listeners") or 0))
            except (SenderFailed, ValueError, TypeError):
                return WhatsApp(False, "UNREACHABLE")
        status = self._statuses.get(self._sessions[0])
        if status is None:
            return WhatsApp(False, "UNKNOWN")
        state = status.seen_at(datetime.now(UTC)).state
        return WhatsApp(state is SessionState.CONNECTED, state.upper(), 1)

    def _is_there(self, session: str) -> bool:
        status = self._statuses.get(session)
        return status is not None and status.seen_at(datetime.now(UTC)).state is not SessionState.OFFLINE
