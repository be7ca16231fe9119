"""A request of an operator that the page can carry out only at certain moments, kept until then."""

from __future__ import annotations

import logging

from bridge.contract.errors import CodedError
from bridge.drivers.web.snapshot import Snapshot
from bridge.drivers.web.web_page import WebPage

_log = logging.getLogger(__name__)


class PendingRequests:
    """A pairing by a code that is typed on the phone."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._number: str | None = None
        self._requested_in: str | None = None

    def link_by_phone(self, number: str) -> None:
        """In each load that shows a code, until one is logged in."""
        self._number, self._requested_in = number, None

    async def execute(self, page: WebPage, snapshot: Snapshot) -> None:
        """Carry out what is possible now. Failures are logged; the page's next report shows the result."""
        if snapshot.authenticated:
            self._number = None
        if self._number and (snapshot.code or snapshot.link_code) and snapshot.load != self._requested_in:
            self._requested_in = snapshot.load
            await self._call(page, "linkByPhone", self._number)

    async def _call(self, page: WebPage, name: str, *arguments: str) -> None:
        try:
            await page.call(name, *arguments)
        except CodedError as error:
            _log.warning("%s: %s was not carried out: %s", self._session, name, error)
