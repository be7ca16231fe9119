"""A request of an operator that the page can carry out only at certain moments, kept until then."""

from __future__ import annotations

import asyncio
import logging

from bridge.contract.errors import Cancelled, CodedError
from bridge.drivers.web.refusals import refused_pairing
from bridge.drivers.web.snapshot import Snapshot
from bridge.drivers.web.web_page import WebPage
from bridge.ports import DriverUnavailable

_log = logging.getLogger(__name__)


class PendingRequests:
    """A pairing by a code that is typed on the phone."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._number: str | None = None
        self._requested_in: str | None = None
        self._attempt = 0
        self._answer: asyncio.Future[None] | None = None

    async def link_by_phone(self, number: str, limit: float) -> None:
        """Request a pairing code in each load that shows a code, until one is logged in or WhatsApp gives none.

        Returns with the first code, or with a login. Raises what it ends with otherwise; after `limit` seconds without
        an answer `DriverUnavailable`, and nothing is requested any more.
        """
        self.abandon(Cancelled("Another pairing code was requested meanwhile."))
        self._number, self._requested_in = number, None
        answer = self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(limit):
                await answer
        except TimeoutError as error:
            self.abandon()
            raise DriverUnavailable(f"WhatsApp Web gave no pairing code within {limit:g} s. Ask again.") from error

    def abandon(self, error: CodedError | None = None) -> None:
        """Request nothing any more; who waits for the code gets the error."""
        self._number = None
        self._settle(error or DriverUnavailable("The session was closed before WhatsApp gave a pairing code."))

    async def execute(self, page: WebPage, snapshot: Snapshot) -> None:
        """Carry out what is possible now, and take the answer to it from the page's report."""
        if snapshot.authenticated:
            self._number = None
            self._settle(None)
        elif snapshot.passkey is not None and self._answer is not None:
            self.abandon(DriverUnavailable("WhatsApp waits for the account's passkey. Give it, or ask again later."))
        if self._number is None:
            return
        if snapshot.load != self._requested_in:
            if snapshot.code or snapshot.link_code:
                self._requested_in = snapshot.load
                await self._request(page, self._number)
        elif snapshot.link_attempt == self._attempt:  # an earlier attempt's end may be on its way
            if snapshot.link_ended:
                self.abandon(refused_pairing(snapshot.link_error))
            elif snapshot.link_code:
                self._settle(None)

    async def _request(self, page: WebPage, number: str) -> None:
        try:
            self._attempt = await page.call("linkByPhone", number)
        except CodedError as error:
            _log.warning("%s: no pairing code was requested: %s", self._session, error)
            self.abandon(DriverUnavailable(f"WhatsApp Web was not asked for a pairing code: {error.text}"))

    def _settle(self, error: CodedError | None) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
