"""What an agent reads of a session: chats, messages, history and searches, of the chats of its key alone.

Everything passes `AgentAccess`; an answer has no position in a stream, which would count the messages of other chats.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from bridge.contract import requests as actions
from bridge.contract.errors import BridgeError, InvalidRequest
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import ERASED, Stream
from bridge.http.agent_access import AgentAccess
from bridge.http.context import journal_of
from bridge.ports import EVERY_CHAT, Journal, Right

#: Items of the journal that one request looks through, and that it reads at once.
MAX_SCANNED, SCANNED_AT_ONCE = 5000, 500
#: Characters of a text; the rest is left out.
MAX_TEXT = 4000


class AgentChat(BaseModel):
    """A chat of an agent's key."""

    chat: str
    rights: list[Right]
    name: str | None = Field(description="as WhatsApp has it; chosen by strangers")
    group: bool
    unread: int | None = Field(description="null while WhatsApp does not say; -1 = marked as unread by hand")


class AgentMessage(BaseModel):
    """A message as an agent reads it. `text` and `name` are what strangers wrote."""

    id: str
    chat: str
    author: str
    name: str | None
    from_me: bool
    kind: str | None
    timestamp: int = Field(description="unix seconds")
    text: str = Field(description=f"{MAX_TEXT:,} characters at most; of a search the part that was found")
    cut: bool = Field(default=False, description="whether the text goes on")


class AgentPage(BaseModel):
    """Messages of a chat, oldest first.

    `next` = `after` for those that follow, also where there are none yet. `more`: ask again at once.
    """

    messages: list[AgentMessage]
    next: str | None
    more: bool


class AgentReader:
    """Reads for one agent in one session."""

    def __init__(self, agent: AgentAccess) -> None:
        self._agent = agent

    async def chats(self, after: str | None, limit: int) -> tuple[list[AgentChat], str | None]:
        """A page of the chats, and the `after` of the next. Raises `InvalidRequest`, and what WhatsApp's list raises
        for a key that is for each chat."""
        agent = self._agent
        if agent.all_chats:
            data = await self._run("chats.list", after=after, limit=limit)
            found = [self._chat(one["chat"], one) for one in data["chats"] if agent.rights(Jid.parse(one["chat"]))]
            return found, data["next"]
        listed = sorted(chat for chat in agent.grant.chats if chat != EVERY_CHAT)
        start = 0 if after is None else int(agent.open(after, "chats")[0])
        page = listed[start : start + limit]
        following = agent.seal("chats", start + limit) if start + limit < len(listed) else None
        return [self._chat(chat, await self._details(chat)) for chat in page], following

    def now(self, chat: Jid) -> str:
        """The cursor of a reader that has everything. Raises `NotConnected`."""
        journal = journal_of(self._agent.entry)
        return self._cursor(chat, journal, journal.bounds(Stream.IN).last)

    async def journalled(self, chat: Jid, after: str | None, limit: int) -> AgentPage:
        """Received messages after a cursor; without one from the oldest that the agent may read."""
        journal = journal_of(self._agent.entry)
        return await self._page(chat, journal, self._place(chat, journal, after, 0), limit)

    async def wait(
        self,
        chat: Jid,
        after: str | None,
        limit: int,
        seconds: float,
        *,
        gone: Request,
        closing: asyncio.Event,
    ) -> AgentPage:
        """As `journalled`, but waits for a message. It ends early with the bridge, and with a caller that is gone."""
        journal = journal_of(self._agent.entry)
        at = self._place(chat, journal, after, journal.bounds(Stream.IN).last)
        ends = [
            asyncio.create_task(_disconnected(gone), name="agent is gone"),
            asyncio.create_task(closing.wait(), name="closing"),
        ]
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                page = await self._page(chat, journal, at, limit)
                left = deadline - asyncio.get_running_loop().time()
                if page.messages or page.more or left <= 0 or any(end.done() for end in ends):
                    return page
                at = max(at, journal.bounds(Stream.IN).last if page.next is None else self._seq(chat, page.next))
                item = asyncio.create_task(journal.wait_beyond(Stream.IN, at), name="agent waits")
                try:
                    await asyncio.wait([item, *ends], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    item.cancel()
        finally:
            for end in ends:
                end.cancel()

    async def history(self, chat: Jid, before: str | None, limit: int) -> AgentPage:
        """Messages of both sides, read from WhatsApp. Raises `InvalidRequest` for a message of another chat."""
        if before is not None and not self._agent.is_in(chat, str(MessageKey.parse(before).remote)):
            raise InvalidRequest("before is no message of this chat.")
        data = await self._run("chats.history", chat=str(chat), before=before, limit=limit)
        own = [one for one in data["messages"] if self._agent.is_in(chat, one["chat"])]
        return AgentPage(messages=list(map(_message, own)), next=None, more=not data.get("complete", True))

    async def search(
        self, q: str, chat: Jid | None, after: str | None, limit: int
    ) -> tuple[list[AgentMessage], str | None]:
        """Messages by their text, newest first, and the `after` of the next page; without `chat` in each chat of the
        key whose history it may read, in one page."""
        agent = self._agent
        if chat is not None:
            place = None if after is None else str(int(agent.open(after, "search", agent.lane(chat))[0]))
            data = await self._run("messages.search", q=q, chat=str(chat), after=place, limit=limit)
            found = [hit for hit in data["hits"] if agent.is_in(chat, hit["chat"])]
            following = data["next"] and agent.seal("search", agent.lane(chat), int(data["next"]))
            return list(map(_hit, found)), following
        if after is not None:
            raise InvalidRequest("after is for a search of one chat.")
        hits: list[dict[str, Any]] = []
        for one in await self._searched():
            data = await self._run("messages.search", q=q, chat=one, limit=limit)
            hits += [hit for hit in data["hits"] if Right.READ_HISTORY in agent.rights(Jid.parse(hit["chat"]))]
        hits.sort(key=lambda hit: int(hit["timestamp"]), reverse=True)
        return list(map(_hit, hits[:limit])), None

    async def _searched(self) -> list[str | None]:
        """The chats to search one by one; None = all at once, of which some may be left out afterwards."""
        grant = self._agent.grant.chats
        if Right.READ_HISTORY in grant.get(EVERY_CHAT, frozenset()):
            return [None]
        return [chat for chat, rights in sorted(grant.items()) if chat != EVERY_CHAT and Right.READ_HISTORY in rights]

    async def _page(self, chat: Jid, journal: Journal, at: int, limit: int) -> AgentPage:
        found: list[AgentMessage] = []
        since, scanned, last = self._agent.since(chat), 0, journal.bounds(Stream.IN).last
        while at < last and scanned < MAX_SCANNED and len(found) < limit:
            page = await journal.read(Stream.IN, at, SCANNED_AT_ONCE)
            if not page.items:
                at = last
            for seq, body in page.items:
                at, scanned = seq, scanned + 1
                item = json.loads(body)
                if item["type"] == ERASED or item["timestamp"] < since or not self._agent.is_in(chat, item["chat"]):
                    continue
                found.append(_message(item))
                if len(found) == limit:
                    break
        return AgentPage(messages=found, next=self._cursor(chat, journal, at), more=at < last)

    def _cursor(self, chat: Jid, journal: Journal, seq: int) -> str:
        return self._agent.seal("messages", self._agent.lane(chat), journal.epoch, seq)

    def _place(self, chat: Jid, journal: Journal, cursor: str | None, without: int) -> int:
        """The seq of a cursor; of another epoch the beginning."""
        if cursor is None:
            return without
        epoch, seq = self._agent.open(cursor, "messages", self._agent.lane(chat))
        return int(seq) if epoch == journal.epoch else 0

    def _seq(self, chat: Jid, cursor: str) -> int:
        return int(self._agent.open(cursor, "messages", self._agent.lane(chat))[1])

    async def _details(self, chat: str) -> dict[str, Any]:
        try:
            data = await self._run("chats.get", chat=chat)
        except BridgeError:  # not connected, or no chat yet: the key names it in any case
            return {}
        return data if isinstance(data, dict) else {}

    def _chat(self, chat: str, details: dict[str, Any]) -> AgentChat:
        parsed = Jid.parse(chat)
        return AgentChat(
            chat=chat,
            rights=sorted(self._agent.rights(parsed)),
            name=details.get("name"),
            group=parsed.is_group,
            unread=details.get("unread"),
        )

    async def _run(self, action: str, **arguments: Any) -> Any:
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self._agent.session.requests.run(actions.request_of(action, given))


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _message(item: dict[str, Any]) -> AgentMessage:
    text = item.get("body") or ""
    return AgentMessage(
        id=item["id"],
        chat=item["chat"],
        author=item.get("author") or item["chat"],
        name=item.get("notify_name"),
        from_me=bool(item.get("from_me")),
        kind=item.get("kind"),
        timestamp=item["timestamp"],
        text=text[:MAX_TEXT],
        cut=len(text) > MAX_TEXT,
    )


def _hit(hit: dict[str, Any]) -> AgentMessage:
    pieces: Iterable[dict[str, Any]] = hit["snippet"]
    return _message({**hit, "body": "".join(piece["text"] for piece in pieces)})
