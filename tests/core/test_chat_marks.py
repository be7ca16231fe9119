"""Marks of chats that change while the bridge is away, and presence subscriptions, after the next connection."""

from __future__ import annotations

from typing import Any

from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent, Stream
from bridge.contract.requests import Subscribe, request_of
from bridge.contract.responses import ResponseStatus
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedPhone
from bridge.ports import IncomingEvent, IncomingMessage
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness


def list_chats(phone: ScriptedPhone, *chats: dict[str, Any]) -> None:
    plain = {"archived": False, "pinned": False, "muted_until": None, "unread": 0}
    phone.answers["chats.list"] = {"chats": [plain | one for one in chats], "next": None}


async def events(harness: SessionHarness, count: int) -> list[dict[str, Any]]:
    found = await harness.stream(Stream.EVENT, count)
    marks = ("chat", "archived", "pinned", "muted", "muted_until", "read")
    return [{name: one[name] for name in marks if name in one} for one in found]


async def stored(harness: SessionHarness, text: str) -> None:
    """Wait until the stored marks have this in them."""
    while not any(text in marks for marks in (await harness.store.memory.entries("chat_marks")).values()):
        pass


async def looked(harness: SessionHarness) -> None:
    """Start the session, and do what follows some seconds after its connection."""
    await harness.start()
    await harness.session._marks.look()


async def test_what_changed_meanwhile_is_an_event_once(harness: SessionHarness) -> None:
    phone = harness.phone
    list_chats(phone, {"chat": ANA, "archived": True, "unread": 3}, {"chat": BETO})
    await looked(harness)
    phone.event(IncomingEvent("chat", "load:1", phone.now(), Jid.parse(BETO), {"pinned": True}))
    assert await events(harness, 1) == [{"chat": BETO, "pinned": True}], "the first look gives no event"
    await stored(harness, '"pinned":true')
    await harness.end()
    list_chats(phone, {"chat": ANA}, {"chat": BETO, "pinned": True, "muted_until": -1, "unread": -1})
    await looked(harness)
    found = await events(harness, 3)
    assert found[1:] == [
        {"chat": ANA, "archived": False, "read": True},
        {"chat": BETO, "muted": True, "muted_until": -1, "read": False},
    ]
    await harness.end()
    await looked(harness)
    phone.event(IncomingEvent("chat", "load:2", phone.now(), Jid.parse(ANA), {"archived": True}))
    assert (await events(harness, 4))[3:] == [{"chat": ANA, "archived": True}]


async def test_new_messages_are_no_marks_but_reading_them_is_one(harness: SessionHarness) -> None:
    phone = harness.phone
    list_chats(phone, {"chat": ANA})
    await looked(harness)
    phone.incoming(ANA, "hola")
    await stored(harness, '"unread":1')
    await harness.end()
    list_chats(phone, {"chat": ANA, "unread": 2})
    await looked(harness)
    await harness.end()
    list_chats(phone, {"chat": ANA})
    await looked(harness)
    assert await events(harness, 1) == [{"chat": ANA, "read": True}]


async def test_only_the_chat_that_changes_is_written(harness: SessionHarness) -> None:
    list_chats(harness.phone, {"chat": ANA}, {"chat": BETO, "pinned": True})
    await looked(harness)
    await harness.store.memory.set_entries("chat_marks", {BETO: None})  # as `wa forget` does, beside a running bridge
    harness.phone.incoming(ANA, "hola")
    await stored(harness, '"unread":1')
    assert list(await harness.store.memory.entries("chat_marks")) == [ANA]


async def test_a_chat_that_the_phone_has_no_longer_is_forgotten_with_the_second_look(harness: SessionHarness) -> None:
    list_chats(harness.phone, {"chat": ANA, "archived": True}, {"chat": BETO, "pinned": True})
    await looked(harness)
    list_chats(harness.phone, {"chat": ANA, "archived": True})
    for left in ([ANA, BETO], [ANA]):
        await harness.session._marks.look()
        assert list(await harness.store.memory.entries("chat_marks")) == left


async def test_a_new_pairing_only_remembers(harness: SessionHarness) -> None:
    phone = harness.phone
    list_chats(phone, {"chat": ANA, "archived": True})
    await looked(harness)
    await harness.session._marks.forget()
    list_chats(phone, {"chat": ANA})
    await harness.session._marks.look()
    assert await harness.store.memory.entries("chat_marks") == {}
    phone.event(IncomingEvent("chat", "load:1", phone.now(), Jid.parse(ANA), {"pinned": True}))
    assert await events(harness, 1) == [{"chat": ANA, "pinned": True}]


async def test_a_presence_subscription_outlives_the_connection_until_its_end(harness: SessionHarness) -> None:
    phone, clock = harness.phone, harness.clock

    def followed() -> list[tuple[str, float]]:
        found = {one.contact: one.seconds for one in phone.requests if isinstance(one, Subscribe)}
        return list(found.items())

    async def subscribe(contact: str, seconds: float) -> None:
        request = request_of("contacts.subscribe", {"contact": contact, "seconds": seconds})
        assert (await harness.session.requests.respond(request)).status is ResponseStatus.DONE

    async def reconnect() -> None:
        phone.link(up=False)
        await harness.reach(SessionState.RECONNECTING)
        phone.requests.clear()
        phone.link(up=True)
        await harness.reach(SessionState.CONNECTED)

    await harness.start()
    await subscribe(ANA, 300)
    await subscribe(BETO, 100)
    await subscribe("5491155500003", 300)
    await subscribe("+54 9 11 5550-0003", 0)
    clock.advance(120)
    await reconnect()
    await harness.until(lambda: bool(followed()))
    [(contact, seconds)] = followed()
    assert (contact, round(seconds)) == (ANA, 180)
    clock.advance(200)
    await reconnect()
    await harness.session.requests.subscriptions.renew()
    assert followed() == []


async def test_who_wrote_last_before_the_pairing_is_answered_and_not_written_to_first(harness: SessionHarness) -> None:
    def newest(chat: str, *, mine: bool, days: int, kind: str = "chat") -> IncomingMessage:
        key = MessageKey.parse(f"{'true' if mine else 'false'}_{chat}_3EB0{days}")
        at = harness.phone.now() - days * 86_400
        return IncomingMessage(str(key), key, Jid.parse(chat), kind, at, MessageContent(body="Hola"))

    own, old, notice = (f"549115550000{n}@c.us" for n in (3, 4, 5))
    list_chats(
        harness.phone,
        {"chat": ANA, "last": newest(ANA, mine=False, days=29)},
        {"chat": own, "last": newest(own, mine=True, days=1)},
        {"chat": old, "last": newest(old, mine=False, days=31)},
        {"chat": notice, "last": newest(notice, mine=False, days=1, kind="e2e_notification")},
        {"chat": BETO},
    )
    await looked(harness)
    people = harness.outbound.people
    assert [people.is_stranger(people.lane(Jid.parse(chat))) for chat in (ANA, own, old, notice, BETO)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    harness.advance(2 * 86_400)
    people.note_written(Jid.parse(BETO), harness.clock.now())
    assert list(people._written) == [people.lane(Jid.parse(BETO))], "those of long ago are forgotten once a day"
