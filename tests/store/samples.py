"""Messages and commands to put into a store."""

from __future__ import annotations

from bridge.contract.commands import Priority
from bridge.contract.kinds import Text
from bridge.contract.lifecycle import SendState
from bridge.ports import Change, Claim, CommandOrigin, JournalRecord, NewNotice, ReplyTo

PN = "5491155500001@c.us"
OTHER_PN = "5491155500002@c.us"
LID = "123456789012345@lid"
GROUP = "120363000000000001@g.us"
DAY = 24 * 3600.0


def record(
    raw_id: str = "3EB001",
    chat: str = PN,
    *,
    author: str | None = None,
    timestamp: int = 1_700_000_000,
    content: str = "hola",
    from_me: bool = False,
) -> JournalRecord:
    return JournalRecord(
        chat=chat,
        raw_id=raw_id,
        author=author,
        timestamp=timestamp,
        type="chat",
        content_hash=content,
        body=f'{{"id":"{raw_id}","body":"{content}"}}',
        from_me=from_me,
    )


def claim(
    command_id: str = "order-1", text: str = "hola", *, at: float = 1000.0, origin: CommandOrigin | None = None
) -> Claim:
    return Claim(
        id=command_id,
        to=PN,
        content=Text(text),
        content_hash=text,
        priority=Priority.REPLY,
        claimed_at=at,
        expires_at=at + 3600,
        reply_to=ReplyTo("till-3", b"\x00c"),
        transaction="t-7",
        meta={"invoice": ["A", 1]},
        origin=origin,
    )


def origin(connection: int, *, dup: bool = False, packet_id: int = 5, topic: str = "wa/haby/out") -> CommandOrigin:
    return CommandOrigin(topic, "0" * 64, packet_id, dup, connection)


def step(state: SendState, *notices: NewNotice, at: float = 1001.0, message_id: str | None = None) -> Change:
    return Change(state, at, message_id=message_id, notices=notices)


def result(body: str = "{}") -> NewNotice:
    return NewNotice("result", body)
