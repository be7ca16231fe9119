"""Searches in the text of a session's messages: the answer to `messages.search`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bridge.contract.jid import Jid, canonical_address, parse_recipient
from bridge.contract.phone_numbers import candidates
from bridge.contract.requests import Request, SearchMessages
from bridge.contract.search_answers import SearchAnswer, SearchHit, SearchPiece
from bridge.ports import FoundMessage, MessageIndex, PeopleStore, TextQuery


class MessageSearch:
    """The searches of one session; it need not be connected. `own` gives the digits of this account's number."""

    def __init__(self, index: MessageIndex, people: PeopleStore, own: Callable[[], str | None]) -> None:
        self._index = index
        self._people = people
        self._own = own

    async def answer(self, request: Request) -> Any:
        """The JSON of `SearchAnswer`. Raises `InvalidRequest` for a chat that is none, and what the index raises."""
        assert isinstance(request, SearchMessages)  # noqa: S101 - it is registered for this action
        page = await self._index.find(
            TextQuery(
                request.words,
                chats=None if request.chat is None else await self._addresses(request.chat),
                since=None if request.since is None else request.since.timestamp(),
                until=None if request.until is None else request.until.timestamp(),
                from_me=None if request.direction is None else request.direction == "out",
                before=None if request.after is None else int(request.after),
                limit=request.limit,
            )
        )
        following = str(page.messages[-1].item) if page.more else None
        hits = list(map(_hit, page.messages))
        return SearchAnswer(hits=hits, next=following, complete=page.complete).model_dump(mode="json", by_alias=True)

    async def _addresses(self, spelled: str) -> frozenset[str]:
        """Every address that a chat was seen under: a person has a number, in more than one spelling, and a LID."""
        chat = parse_recipient(spelled, self._own())
        users = candidates(chat.user) if chat.is_user else (chat.user,)
        known = {str(Jid(user, chat.server)) for user in users}
        rows = await self._people.addresses_of({canonical_address(str(chat))})
        return frozenset(known.union(*((row.key, row.address) for row in rows)))


def _hit(found: FoundMessage) -> SearchHit:
    item = json.loads(found.body)
    message = item.get("message") or item
    return SearchHit(
        id=message["id"],
        chat=message["chat"],
        author=message.get("author") or message["chat"],
        person=message.get("person") or item.get("person"),
        notify_name=message.get("notify_name"),
        from_me="message" in item,
        kind=message.get("kind"),
        timestamp=message.get("timestamp") or 0,
        stream=found.stream,
        seq=found.seq,
        snippet=[SearchPiece(text=text, found=is_found) for text, is_found in found.snippet],
    )
