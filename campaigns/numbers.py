"""Asks about numbers: which of the next recipients are on WhatsApp, whose a LID is, and the account's own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from bridge.client import Client, CodedError
from bridge.contract.jid import Jid

_log = logging.getLogger(__name__)
#: Seconds that an answer may take: the bridge asks at a pace.
TIMEOUT = 120.0
#: Seconds for the account's own number, which planning waits for.
OWN_TIMEOUT = 5.0


class AbsentNumbers:
    """Whether numbers are on WhatsApp. An error is never a no; looking up a whole list at once is a pattern."""

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


class LidNumbers:
    """The numbers of people who are named by their LID, as far as the bridge knows them."""

    def __init__(self, client: Callable[[], Client | None]) -> None:
        self._client = client

    async def of(self, session: str, lids: Collection[str]) -> dict[str, str]:
        """The digits of the number behind each LID; those that are not known are left out."""
        found: dict[str, str] = {}
        if (client := self._client()) is None:
            return found
        for lid in lids:
            try:
                answer = await client.request(session, "contacts.get", {"contact": lid}, timeout=OWN_TIMEOUT)
            except CodedError as error:
                _log.info("%s: whose LIDs those are is not known: %s", session, error.text)
                break  # the session is away: the next one would wait as long
            number = str((answer.data or {}).get("from_pn") or "")
            if number and (address := Jid.parse(number)).is_user:
                found[lid] = address.user
        return found


class OwnNumbers:
    """The numbers of the accounts: they decide the country of a number as it is dialled at home (`011 15 …`)."""

    def __init__(self, client: Callable[[], Client | None]) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    async def of(self, session: str) -> str | None:
        """The digits of a session's own number; None while it is not known."""
        client = self._client()
        if session in self._known or client is None:
            return self._known.get(session)
        try:
            answer = await client.request(session, "profile.get", timeout=OWN_TIMEOUT)
            address = Jid.parse(str((answer.data or {}).get("from_pn")))
        except CodedError as error:
            _log.debug("%s: its own number is not known: %s", session, error.text)
            return None
        if address.is_user:
            self._known[session] = address.user
        return self._known.get(session)
