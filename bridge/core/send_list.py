"""Answers `sends.list`: where each command of a session is."""

from __future__ import annotations

from bridge.contract.payload import instant
from bridge.contract.requests import ListedSend, ListSends, Request, SendList
from bridge.ports import Outbox


class SendLister:
    """Reads the outbox for one session."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def answer(self, request: Request) -> object:
        """The data of `sends.list`."""
        assert isinstance(request, ListSends)  # noqa: S101 - registered for it
        rows = await self._outbox.recent(request.before, request.limit)
        sends = [
            ListedSend(
                number=row.number,
                id=row.claim.id,
                state=row.state,
                claimed_at=instant(row.claim.claimed_at),
                at=instant(row.changed_at),
            )
            for row in rows
        ]
        following = sends[-1].number if len(sends) == request.limit else None
        return SendList(sends=sends, next=following).model_dump(mode="json")
