"""Requests of an operator that the page can carry out only at certain moments, kept until then."""

from __future__ import annotations

import logging

from bridge.contract.errors import CodedError
from bridge.contract.session import Reason, Situation
from bridge.drivers.web.snapshot import Snapshot
from bridge.drivers.web.web_page import WebPage

_log = logging.getLogger(__name__)


class PendingRequests:
    """A takeover of the connection, and a pairing by a code that is typed on the phone."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._take_over = False
        self._number: str | None = None
        self._requested_in: str | None = None

    def take_over(self) -> None:
        """At the next conflict, unless the page becomes usable first."""
        self._take_over = True

    def link_by_phone(self, number: str) -> None:
        """In each load that shows a code, until one is logged in."""
        self._number, self._requested_in = number, None

    async def execute(self, page: WebPage, snapshot: Snapshot, situation: Situation) -> None:
        """Carry out what is possible now. Failures are logged; the page's next report shows the result."""
        if snapshot.usable:
            self._take_over = False
        if snapshot.authenticated:
            self._number = None
        if self._take_over and situation.reason is Reason.OPENED_ELSEWHERE:
            self._take_over = False
            await self._call(page, "takeOver")
        if self._number and snapshot.code and snapshot.load != self._requested_in:
            self._requested_in = snapshot.load
            await self._call(page, "linkByPhone", self._number)

    async def _call(self, page: WebPage, name: str, *arguments: str) -> None:
        try:
            await page.call(name, *arguments)
        except CodedError as error:
            _log.warning("%s: %s was not carried out: %s", self._session, name, error)
