"""Asks which of the next recipients are on WhatsApp, a few at a time: looking up a whole list is a pattern."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from bridge.client import Client, CodedError

_log = logging.getLogger(__name__)
#: Seconds that an answer may take: the bridge asks at a pace.
TIMEOUT = 120.0


class AbsentNumbers:
    """Whether numbers are on WhatsApp. An error is never a no."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def absent(self, session: str, numbers: Sequence[str]) -> set[str]:
        """Those among the numbers that are certainly not on WhatsApp."""
        try:
            answer = await self._client().request(
                session, "contacts.check", {"contacts": list(numbers)}, timeout=TIMEOUT
            )
        except CodedError as error:
            _log.info("%s: numbers could not be checked: %s", session, error.text)
            return set()
        found = (answer.data or {}).get("contacts") or []
        absent = [one.get("exists") is False for one in found]
        return {number for number, gone in zip(numbers, absent, strict=False) if gone}
