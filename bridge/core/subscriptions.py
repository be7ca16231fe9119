"""Presence subscriptions: WhatsApp Web forgets them with its page, so each new connection gets them again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bridge.contract.errors import CodedError
from bridge.contract.requests import Subscribe
from bridge.ports import Answers, Clock, SeenPerson

_log = logging.getLogger(__name__)


class Subscriptions:
    """Whom the session follows, and until when. They end with the process."""

    def __init__(self, session: str, driver: Answers, clock: Clock, *, named: Callable[[Any], Awaitable[Any]]) -> None:
        """`named` gives data with the bridge's id of each person."""
        self._session = session
        self._driver = driver
        self._clock = clock
        self._named = named
        self._until: dict[str, tuple[Subscribe, float]] = {}  # by person; monotonic seconds

    async def note(self, request: Subscribe) -> None:
        """Remember a request that was carried out; one for 0 seconds ends that of the person, whatever its address."""
        contact = request.addresses["contact"]
        person = (await self._named({"person": SeenPerson(frozenset({contact}))}))["person"] or str(contact)
        self._until.pop(person, None)
        if request.seconds:
            self._until[person] = request, self._clock.monotonic() + request.seconds

    async def renew(self) -> None:
        """Ask again for what has not ended."""
        now = self._clock.monotonic()
        self._until = {person: one for person, one in self._until.items() if one[1] > now}
        for request, until in list(self._until.values()):
            try:
                await self._driver.answer(request.model_copy(update={"seconds": until - self._clock.monotonic()}))
            except CodedError as error:  # the next connection tries again
                _log.info("%s: a presence subscription was not renewed: %s", self._session, error.text)
