"""Inbound messages: journalled once, in order, not blocked by an invalid one; history and feeds are left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.contract.jid import Jid, MessageKey, Server
from bridge.contract.kinds import SYSTEM_TYPES
from bridge.contract.kinds.contacts import ReceivedContact
from bridge.contract.kinds.location import Place
from bridge.contract.kinds.media import Media
from bridge.contract.messages import Inbound, MessageContent, Quoted, Stream, in_stream
from bridge.core.inbound import is_other_account
from bridge.core.undecrypted import CIPHERTEXT
from bridge.ports import Account, IncomingMessage
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import SessionHarness

GROUP, LID = "120363000000000001@g.us", "123456789012345@lid"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
CARD = {"name": None, "phone": None, "vcard": "BEGIN:VCARD"}


async def bodies(harness: SessionHarness, count: int) -> list[str]:
    return [message["body"] for message in await harness.stream(Stream.IN, count)]


async def test_messages_are_journalled_in_order_and_once(harness: SessionHarness) -> None:
    await harness.start()
    for number in range(250):
        harness.phone.incoming(ANA, str(number))
    assert await bodies(harness, 250) == [str(number) for number in range(250)]
    await harness.settled()
    await harness.again()  # catch-up reads them all again
    harness.phone.incoming(ANA, "last")
    assert await bodies(harness, 251) == [*map(str, range(250)), "last"]


async def test_the_fields_of_a_group_message(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(
        GROUP,
        "¿Hay turno?",
        author=LID,
        from_lid=Jid.parse(LID),
        from_pn=Jid.parse(ANA),
        notify_name="Ana",
        quoted=Quoted(id="x", body="ayer"),
        mentions=[ANA],
        forwarded=True,
        media=Media(mimetype="image/jpeg", size=5),
        location=Place(latitude=-34.5, longitude=-58.4),
        contacts=[ReceivedContact.model_validate("BEGIN:VCARD")],
    )
    (message,) = await harness.stream(Stream.IN, 1)
    assert message["id"].startswith(f"false_{GROUP}_")
    assert message["id"].endswith(LID)
    expected = {
        "from": GROUP,
        "chat": GROUP,
        "author": LID,
        "from_pn": ANA,
        "from_lid": LID,
        "body": "¿Hay turno?",
        "type": "chat",
        "timestamp": 1_790_000_000,
        "cliente_id": 51,
        "notify_name": "Ana",
        "late": False,
        "mentions": [ANA],
        "forwarded": True,
        "contacts": [CARD],
    }
    assert {name: message[name] for name in expected} == expected


@pytest.mark.parametrize("own", ["5491155500000@c.us", "277000000000000@lid"])
async def test_a_mention_of_this_account_is_marked(harness: SessionHarness, own: str) -> None:
    await harness.start()
    harness.phone.incoming(GROUP, "¿Abren?", author=LID, mentions=(ANA, own))
    harness.phone.incoming(GROUP, "@Ana ¿venís?", author=LID, mentions=[ANA])
    ours, others = await harness.stream(Stream.IN, 2)
    assert (ours["mentions"], ours["mentions_me"]) == ([ANA, own], True)
    assert "mentions_me" not in others


@pytest.mark.parametrize("extra", ["contacts", "quoted", "body"])
async def test_a_message_too_large_for_a_broker_is_published_without_its_extras(
    harness: SessionHarness, extra: str
) -> None:
    """The broker would close the connection for it, again and again, and later messages would never be published."""
    huge = "ñ" * 500_000
    extras: dict[str, dict[str, Any]] = {"contacts": {"contacts": (huge,)}, "quoted": {"quoted": Quoted(body=huge)}}
    await harness.start()
    harness.phone.incoming(ANA, huge if extra == "body" else "mirá", **extras.get(extra, {}))
    harness.phone.incoming(ANA, "y", contacts=[ReceivedContact.model_validate("BEGIN:VCARD")])
    large, usual = await harness.stream(Stream.IN, 2)
    assert large["body"] == ("ñ" * 65_536 if extra == "body" else "mirá")
    assert large["type"] == "chat"
    assert "exceed the limit of a message" in large["raw"]["unreadable"]
    assert (large["contacts"], large["quoted"]) == (None, None)
    assert (usual["contacts"], "raw" in usual) == ([CARD], False)


async def test_in_a_chat_of_two_the_author_is_the_chat(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    (message,) = await harness.stream(Stream.IN, 1)
    assert (message["author"], message["chat"], message["from"]) == (ANA, ANA, ANA)
    assert "raw" not in message


async def test_messages_older_than_the_pairing_are_history(harness: SessionHarness) -> None:
    harness.phone.paired, harness.phone.paired_at = False, None
    harness.phone.incoming(ANA, "before")
    harness.phone.own(ANA, "my own, before")
    await harness.start(connected=False)
    await harness.until(lambda: harness.session.view.qr is not None)
    harness.clock.advance(60)
    harness.phone.pair()
    harness.clock.advance(1)
    harness.phone.incoming(ANA, "history that comes late", timestamp=int(harness.clock.now()) - 30)
    harness.phone.incoming(ANA, "after")
    assert await bodies(harness, 1) == ["after"]
    await harness.again()
    harness.phone.incoming(ANA, "still after")
    assert await bodies(harness, 2) == ["after", "still after"]
    assert harness.store.journal.bounds(Stream.EVENT).last == 0


async def test_the_same_number_paired_again_gets_the_messages_in_between(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "1")
    await harness.stream(Stream.IN, 1)
    harness.clock.advance(10)
    harness.phone.log_out()
    await harness.until(lambda: harness.session.view.qr is not None)
    harness.clock.advance(10)
    harness.phone.incoming(BETO, "2")
    harness.clock.advance(10)
    harness.phone.pair()
    assert await bodies(harness, 2) == ["1", "2"]


async def test_a_timestamp_in_the_future_hides_no_later_message(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "from the year 2096", timestamp=4_000_000_000)
    await harness.stream(Stream.IN, 1)
    await harness.end()
    harness.phone.incoming(ANA, "missed")
    await harness.start()
    assert await bodies(harness, 2) == ["from the year 2096", "missed"]


async def test_another_number_gets_a_new_baseline(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    number, lid = Jid.parse("5491155500077@c.us"), Jid.parse("277000000000077@lid")
    await inbound.logged_in(Account(number, None, now + 101, paired_at=now + 100))
    assert (await inbound.watermarks())[1] == now + 100
    key = MessageKey(False, Jid.parse(ANA), "A")
    old = IncomingMessage(str(key), key, Jid.parse(ANA), "chat", now + 99, MessageContent(body="theirs"))
    assert await inbound.journal_messages([old]) == 0
    await inbound.logged_in(Account(number, lid, now + 200))
    assert (await inbound.watermarks())[1] == now + 100


@pytest.mark.parametrize(
    ("known", "now", "other"),
    [
        (("1", "a"), ("1", "a"), False),
        (("1", "a"), ("2", "a"), True),
        (("1", "a"), ("1", "b"), False),
        (("1", ""), ("", "a"), False),  # nothing to compare: messages in between must not be lost
        (("", "a"), ("1", "a"), False),
        (("", "a"), ("1", "b"), True),
        (("", ""), ("1", "a"), False),
        (("1", "a"), ("", ""), False),
    ],
)
def test_another_account_is_recognised(known: tuple[str, str], now: tuple[str, str], other: bool) -> None:
    names = ("account_pn", "account_lid")
    assert is_other_account(dict(zip(names, known, strict=True)), dict(zip(names, now, strict=True))) is other


async def test_own_messages_are_an_event_once_and_sent_ones_name_their_command(harness: SessionHarness) -> None:
    await harness.start()
    await harness.submit(command("through us", id="a", priority="human", meta={"order": 7}))
    await harness.reported("a", 2)
    harness.phone.own(ANA, "on the phone")
    await harness.settled()
    await harness.again()
    harness.phone.own(GROUP, "in a group")
    events = await harness.stream(Stream.EVENT, 3)
    assert [(event["kind"], event["message"]["body"]) for event in events] == [
        ("sent_message", "through us"),
        ("own_message", "on the phone"),
        ("own_message", "in a group"),
    ]
    assert events[0]["command"] == {"id": "a", "priority": "human", "meta": {"order": 7}}
    assert [event["message"]["late"] for event in events] == [False, False, False]
    assert harness.store.journal.bounds(Stream.IN).last == 0


async def test_a_sent_message_is_no_own_message_after_its_command_is_deleted(harness: SessionHarness) -> None:
    """It stays in the chat for years, and catch-up reads it at every connection until the chat has a newer message."""
    await harness.start()
    await harness.submit(command("through us", id="a"))
    await harness.reported("a", 2)
    await harness.settled()
    harness.clock.advance(31 * 24 * 3600)
    assert (await harness.store.compact(max_age=1e9, max_bytes=10**9)).commands == 1
    await harness.again()
    harness.phone.own(ANA, "by hand")
    await harness.stream(Stream.EVENT, 2)
    await harness.settled()
    events = [(event["kind"], event["message"]["body"]) for event in await harness.stream(Stream.EVENT, 2)]
    assert events == [("sent_message", "through us"), ("own_message", "by hand")]


async def test_messages_older_than_the_remembered_keys_are_not_published_again(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "old")
    harness.phone.own(ANA, "old and ours")
    await harness.stream(Stream.EVENT, 1)
    forgotten = []
    for text in ("later", "much later"):
        await harness.settled()
        harness.clock.advance(100 * 24 * 3600)
        harness.phone.incoming(BETO, text)
        await harness.settled()
        forgotten.append(await harness.store.compact(max_age=1e9, max_bytes=10**9, keys_remembered=50 * 24 * 3600))
    assert [done.keys for done in forgotten] == [0, 2]
    await harness.again()  # catch-up reads them all again
    harness.phone.incoming(ANA, "new")
    harness.phone.own(ANA, "new and ours")
    assert await bodies(harness, 4) == ["old", "later", "much later", "new"]
    events = await harness.stream(Stream.EVENT, 2)
    assert [event["message"]["body"] for event in events] == ["old and ours", "new and ours"]


@pytest.mark.parametrize("kind", sorted(SYSTEM_TYPES))
async def test_system_messages_are_left_out(harness: SessionHarness, kind: str) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "system", type=kind)
    harness.phone.own(ANA, "system", type=kind)
    harness.phone.incoming(ANA, "Hola")
    assert await bodies(harness, 1) == ["Hola"]
    assert harness.store.journal.bounds(Stream.EVENT).last == (1 if kind == CIPHERTEXT else 0)  # that it waits


@pytest.mark.parametrize(
    "chat", ["status@broadcast", "5491155500009@broadcast", "120363000000000009@newsletter", "0@c.us"]
)
async def test_feeds_get_no_seq(harness: SessionHarness, chat: str) -> None:
    await harness.start()
    harness.phone.incoming(chat, "news")
    harness.phone.incoming(chat, "", type="unknown", raw={"t": 1})
    harness.phone.incoming(ANA, "Hola")
    assert await bodies(harness, 1) == ["Hola"]


async def test_an_undecrypted_message_is_published_once_it_can_be_read(harness: SessionHarness) -> None:
    await harness.start()
    first = harness.phone.incoming(ANA, "", type="ciphertext")
    harness.phone.incoming(ANA, "Hola", key=first.key)
    assert await bodies(harness, 1) == ["Hola"]


async def test_a_message_that_the_driver_could_not_convert_has_its_raw_form(harness: SessionHarness) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "", type="unknown", raw={"novel": [1, {"x": None}]}, timestamp=0)
    harness.phone.incoming(ANA, "", type="unknown", raw={"novel": 1}, timestamp=5)  # history, as its time says
    harness.phone.incoming(ANA, "Hola")
    unknown, text = await harness.stream(Stream.IN, 2)
    assert (unknown["type"], unknown["raw"], text["body"]) == ("unknown", {"novel": [1, {"x": None}]}, "Hola")


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


UNREADABLE: dict[str, dict[str, Any]] = {
    "deep": {"type": "unknown", "raw": _nested(5000)},
    "infinite": {"type": "unknown", "raw": {"x": float("inf")}},
    "strange values": {"type": "unknown", "raw": {"x": object(), "y": "\ud800"}},
    "no text": {"body": None},
    "wrong media": {"media": "image"},
    "wrong mention": {"mentions": (1,)},
    "a time beyond all years": {"timestamp": 2**70},
    "a time before all": {"timestamp": -5},
    "half characters": {"notify_name": "\ud83d", "type": "cha\ud800t", "quoted": Quoted(body="\udfff")},
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_invalid_message_does_not_block_the_rest(harness: SessionHarness, name: str) -> None:
    await harness.start()
    fields = {"body": "odd", **UNREADABLE[name]}
    harness.phone.incoming(ANA, "before")
    harness.phone.incoming(ANA, **fields)
    harness.phone.own(ANA, **fields)
    harness.phone.incoming(ANA, "after")
    before, odd, after = await harness.stream(Stream.IN, 3)
    assert (before["body"], after["body"]) == ("before", "after")
    Inbound.model_validate({**odd, "v": 1, "session": "haby", "epoch": "e", "seq": 2})
    assert len(await harness.stream(Stream.EVENT, 1)) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=5))
async def test_text_of_any_kind_reaches_the_topic(harness: SessionHarness, texts: list[tuple[str, str, str]]) -> None:
    if harness._running is None:
        await harness.start()
    first = harness.store.journal.bounds(Stream.IN).last
    for number, (body, name, raw_id) in enumerate(texts):
        key = MessageKey(False, Jid("5491155500001", Server.USER), f"{first}-{number}-{raw_id}")
        harness.phone.incoming(ANA, body, notify_name=name, key=key)
    await harness.stream(Stream.IN, first + len(texts))
    page = await harness.store.journal.read(Stream.IN, first, 10)
    for (seq, stored), (body, _, _) in zip(page.items, texts, strict=True):
        written = in_stream(Stream.IN, "haby", harness.store.journal.epoch, seq, stored)
        shown = Inbound.model_validate_json(written.encode()).body
        assert len(shown) == len(body)
        assert shown == body or "\ufffd" in shown


async def test_a_message_under_two_addresses_of_a_person_is_published_once(harness: SessionHarness) -> None:
    await harness.start()
    pair: dict[str, Any] = {"from_lid": Jid.parse(LID), "from_pn": Jid.parse(ANA)}
    first = harness.phone.incoming(ANA, "Hola", **pair)
    harness.phone.incoming(LID, "Hola", key=first.key.under(Jid.parse(LID)), **pair)
    harness.phone.incoming(BETO, "end")
    messages = await harness.stream(Stream.IN, 2)
    assert [message["body"] for message in messages] == ["Hola", "end"]
    assert messages[0]["id"] == first.id
