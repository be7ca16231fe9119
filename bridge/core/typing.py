"""The sign that we are writing: shown if that can be done now; it is worth nothing later, and must hold up nothing."""

from __future__ import annotations

import logging

from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.session import SessionState
from bridge.core.session_view import SessionView
from bridge.ports import WhatsAppDriver

_log = logging.getLogger(__name__)
#: Calls into the page at a time; more are dropped.
CONCURRENT = 8


class Composing:
    def __init__(self, session: str, driver: WhatsAppDriver, view: SessionView) -> None:
        self._session = session
        self._driver = driver
        self._view = view
        self._showing = 0

    async def show(self, to: Jid, seconds: float) -> None:
        """Show it in a chat for so many seconds, 0 = no more. Raises nothing."""
        if self._view.situation.state is not SessionState.CONNECTED or self._showing >= CONCURRENT:
            return
        self._showing += 1
        try:
            await self._driver.show_typing(to, seconds)
        except CodedError as error:
            _log.debug("%s: typing is not shown to %s: %s", self._session, to.masked, error.text)
        finally:
            self._showing -= 1
