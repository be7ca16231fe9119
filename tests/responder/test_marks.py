"""Edits, revocations and reactions reach the responder's record, whichever of the streams is ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.client import Cursor
from bridge.contract.jid import Jid
from bridge.contract.messages import Stream
from bridge.ports import IncomingEvent
from bridge.sql.database import SqlDatabase
from responder.incoming import MessageMark, ReceivedMessage, StreamPosition
from responder.store.erasure import erase
from responder.store.retention import Pruning
from tests.client.conftest import ANA
from tests.responder.conftest import ResponderHarness
from tests.responder.test_people import LID, NOW, NUMBER, PN, Desk

LINES = "SELECT mensaje FROM ll_ia_conversaciones WHERE rol = 'user' ORDER BY id"


def done(harness: ResponderHarness, kind: str, once: str, message_id: str, **fields: Any) -> None:
    phone = harness.bridge.phone
    of_person = {"author": ANA} if kind == "reaction" else {"by": ANA} if kind == "revoke" else {}
    every = {"message_id": message_id, **of_person, **fields}
    phone.event(IncomingEvent(kind, once, phone.now(), Jid.parse(ANA), every, Jid.parse(ANA)))


async def lines(harness: ResponderHarness) -> list[Any]:
    assert harness.responder is not None
    chats = harness.responder.surface().chats
    [chat] = await chats.find(now=0)
    return [line for line in await chats.lines(chat.id) if line.role == "user"]


async def test_the_record_shows_the_newest_text_and_what_was_done(harness: ResponderHarness) -> None:
    await harness.start()
    phone = harness.bridge.phone
    edited, revoked = phone.incoming(ANA, "a las 8"), phone.incoming(ANA, "mi clave es 1234")
    await harness.verdicts(2)
    done(harness, "edit", "1", edited.id, body="a las 9")
    done(harness, "edit", "2", revoked.id, body="mi clave es 5678")
    done(harness, "reaction", "3", edited.id, emoji="👍")
    done(harness, "reaction", "4", edited.id, emoji="❤️")
    done(harness, "revoke", "5", revoked.id)
    await harness.until_rows(
        "SELECT kind, body FROM wa_mark ORDER BY id", [("edit", "a las 9"), ("reaction", "❤️"), ("revoke", "")]
    )
    assert await harness.rows(LINES) == [("a las 9",), ("",)]
    first, second = await lines(harness)
    assert (first.text, first.edited, first.revoked, first.reactions) == ("a las 9", True, False, ("❤️",))
    assert (second.text, second.edited, second.revoked) == ("", False, True)
    done(harness, "reaction", "6", edited.id, emoji="")
    await harness.until_rows("SELECT count(*) FROM wa_mark WHERE kind = 'reaction'", [(0,)])


def mark(kind: str, message: ReceivedMessage, body: str, *forms: str) -> MessageMark:
    position = StreamPosition("haby", Stream.EVENT, Cursor(epoch="e", seq=1))
    return MessageMark(position, message.message_id, frozenset({message.message_id, *forms}), kind, body, NOW)


async def test_a_mark_may_come_before_its_message_and_under_another_address(database: SqlDatabase) -> None:
    desk = Desk(database)
    early, revoked, later = (desk.message(NUMBER, body) for body in ("a las 8", "mi clave", "a las 10"))
    await desk.recorder.record([mark("edit", early, "a las 9"), mark("revoke", revoked, "")], now=desk.now)
    await desk.recorder.record([early, revoked, later], now=desk.now)
    as_lid = later.message_id.replace(PN, LID)
    other = replace(mark("edit", later, "a las 11"), message_id=as_lid, forms=frozenset({as_lid, later.message_id}))
    _, changed = await desk.recorder.record([other], now=desk.now)
    assert len(changed) == 1
    assert await desk.rows("SELECT mensaje FROM ll_ia_conversaciones ORDER BY id") == [
        ("a las 9",),
        ("",),
        ("a las 11",),
    ]
    await erase(database, [PN])
    assert await desk.rows("SELECT count(*) FROM wa_mark") == [(0,)]


async def test_old_marks_are_deleted(database: SqlDatabase) -> None:
    desk = Desk(database)
    await desk.recorder.record([mark("edit", desk.message(NUMBER, "a las 8"), "a las 9")], now=desk.now)
    await Pruning(database, records=60, conversations=0).once(NOW + 61)
    assert await desk.rows("SELECT count(*) FROM wa_mark") == [(0,)]
