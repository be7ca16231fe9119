"""What arrives: told once, in order, never stopped by one that cannot be read; history and feeds stay out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.contract.jid import Jid, MessageKey, Server
from bridge.contract.kinds.location import Place
from bridge.contract.kinds.media import Media
from bridge.contract.messages import Inbound, MessageContent, Quoted, Stream, in_stream
from bridge.core.inbound import SYSTEM_TYPES, is_other_account
from bridge.ports import Account, IncomingMessage
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO, command
from tests.core.conftest import Bench

GROUP, LID = "120363000000000001@g.us", "123456789012345@lid"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


async def bodies(bench: Bench, count: int) -> list[str]:
    return [message["body"] for message in await bench.stream(Stream.IN, count)]


async def test_messages_are_journalled_in_order_and_once(bench: Bench) -> None:
    await bench.start()
    for number in range(250):
        bench.phone.incoming(ANA, str(number))
    assert await bodies(bench, 250) == [str(number) for number in range(250)]
    await bench.settled()
    await bench.again()  # catch-up reads them all again
    bench.phone.incoming(ANA, "last")
    assert await bodies(bench, 251) == [*map(str, range(250)), "last"]


async def test_the_fields_of_a_group_message(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(
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
        contacts=["BEGIN:VCARD"],
    )
    (message,) = await bench.stream(Stream.IN, 1)
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
        "contacts": ["BEGIN:VCARD"],
    }
    assert {name: message[name] for name in expected} == expected


@pytest.mark.parametrize("own", ["5491155500000@c.us", "277000000000000@lid"])
async def test_who_mentions_this_account_is_told_so(bench: Bench, own: str) -> None:
    await bench.start()
    bench.phone.incoming(GROUP, "¿Abren?", author=LID, mentions=(ANA, own))
    bench.phone.incoming(GROUP, "@Ana ¿venís?", author=LID, mentions=[ANA])
    ours, others = await bench.stream(Stream.IN, 2)
    assert (ours["mentions"], ours["mentions_me"]) == ([ANA, own], True)
    assert "mentions_me" not in others


@pytest.mark.parametrize("extra", ["contacts", "quoted", "body"])
async def test_what_a_broker_may_not_take_is_told_without_what_makes_it_so_large(bench: Bench, extra: str) -> None:
    """The broker would end the connection for it, again and again, and nothing behind it would ever be told."""
    huge = "ñ" * 500_000
    extras: dict[str, dict[str, Any]] = {"contacts": {"contacts": (huge,)}, "quoted": {"quoted": Quoted(body=huge)}}
    await bench.start()
    bench.phone.incoming(ANA, huge if extra == "body" else "mirá", **extras.get(extra, {}))
    bench.phone.incoming(ANA, "y", contacts=["BEGIN:VCARD"])
    large, usual = await bench.stream(Stream.IN, 2)
    assert large["body"] == ("ñ" * 65_536 if extra == "body" else "mirá")
    assert large["type"] == "chat"
    assert "are more than a message may have" in large["raw"]["unreadable"]
    assert (large["contacts"], large["quoted"]) == (None, None)
    assert (usual["contacts"], "raw" in usual) == (["BEGIN:VCARD"], False)


async def test_in_a_chat_of_two_the_author_is_the_chat(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "Hola")
    (message,) = await bench.stream(Stream.IN, 1)
    assert (message["author"], message["chat"], message["from"]) == (ANA, ANA, ANA)
    assert "raw" not in message


async def test_what_is_older_than_the_pairing_is_history(bench: Bench) -> None:
    bench.phone.paired, bench.phone.paired_at = False, None
    bench.phone.incoming(ANA, "before")
    bench.phone.own(ANA, "my own, before")
    await bench.start(connected=False)
    await bench.until(lambda: bench.session.view.qr is not None)
    bench.clock.advance(60)
    bench.phone.pair()
    bench.clock.advance(1)
    bench.phone.incoming(ANA, "history that comes late", timestamp=int(bench.clock.now()) - 30)
    bench.phone.incoming(ANA, "after")
    assert await bodies(bench, 1) == ["after"]
    await bench.again()
    bench.phone.incoming(ANA, "still after")
    assert await bodies(bench, 2) == ["after", "still after"]
    assert bench.store.journal.bounds(Stream.EVENT).last == 0


async def test_the_same_number_paired_again_is_owed_what_came_in_between(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "1")
    await bench.stream(Stream.IN, 1)
    bench.clock.advance(10)
    bench.phone.log_out()
    await bench.until(lambda: bench.session.view.qr is not None)
    bench.clock.advance(10)
    bench.phone.incoming(BETO, "2")
    bench.clock.advance(10)
    bench.phone.pair()
    assert await bodies(bench, 2) == ["1", "2"]


async def test_a_time_that_is_yet_to_come_hides_nothing_that_comes_until_then(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "from the year 2096", timestamp=4_000_000_000)
    await bench.stream(Stream.IN, 1)
    await bench.end()
    bench.phone.incoming(ANA, "missed")
    await bench.start()
    assert await bodies(bench, 2) == ["from the year 2096", "missed"]


async def test_another_number_begins_anew(bench: Bench, clock: FakeClock) -> None:
    await bench.start()
    inbound, now = bench.session._inbound, int(clock.now())
    number, lid = Jid.parse("5491155500077@c.us"), Jid.parse("277000000000077@lid")
    await inbound.logged_in(Account(number, None, now + 101, paired_at=now + 100))
    assert (await inbound.watermarks())[1] == now + 100
    key = MessageKey(False, Jid.parse(ANA), "A")
    old = IncomingMessage(str(key), key, Jid.parse(ANA), "chat", now + 99, MessageContent(body="theirs"))
    assert await inbound.take([old], late=True) == 0
    await inbound.logged_in(Account(number, lid, now + 200))
    assert (await inbound.watermarks())[1] == now + 100


@pytest.mark.parametrize(
    ("known", "now", "other"),
    [
        (("1", "a"), ("1", "a"), False),
        (("1", "a"), ("2", "a"), True),
        (("1", "a"), ("1", "b"), False),
        (("1", ""), ("", "a"), False),  # nothing to compare: what came in between must not be lost
        (("", "a"), ("1", "a"), False),
        (("", "a"), ("1", "b"), True),
        (("", ""), ("1", "a"), False),
        (("1", "a"), ("", ""), False),
    ],
)
def test_whose_login_it_is(known: tuple[str, str], now: tuple[str, str], other: bool) -> None:
    names = ("account_pn", "account_lid")
    assert is_other_account(dict(zip(names, known, strict=True)), dict(zip(names, now, strict=True))) is other


async def test_own_messages_are_an_event_once_and_ours_none(bench: Bench) -> None:
    await bench.start()
    await bench.submit(command("through us", id="a"))
    await bench.told("a", 2)
    bench.phone.own(ANA, "on the phone")
    await bench.settled()
    await bench.again()
    bench.phone.own(GROUP, "in a group")
    events = await bench.stream(Stream.EVENT, 2)
    assert [(event["kind"], event["message"]["body"]) for event in events] == [
        ("own_message", "on the phone"),
        ("own_message", "in a group"),
    ]
    assert [event["message"]["late"] for event in events] == [False, False]
    assert bench.store.journal.bounds(Stream.IN).last == 0


async def test_ours_is_not_taken_for_written_by_hand_when_its_command_is_forgotten(bench: Bench) -> None:
    """It stands in the chat for years, and catch-up reads it again at every connection until somebody answers it."""
    await bench.start()
    await bench.submit(command("through us", id="a"))
    await bench.told("a", 2)
    await bench.settled()
    bench.clock.advance(31 * 24 * 3600)
    assert (await bench.store.compact(max_age=1e9, max_bytes=10**9)).commands == 1
    await bench.again()
    bench.phone.own(ANA, "by hand")
    await bench.stream(Stream.EVENT, 1)
    await bench.settled()
    assert [event["message"]["body"] for event in await bench.stream(Stream.EVENT, 1)] == ["by hand"]


async def test_what_is_older_than_its_memory_is_history_and_not_told_again(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "old")
    bench.phone.own(ANA, "old and ours")
    await bench.stream(Stream.EVENT, 1)
    forgotten = []
    for text in ("later", "much later"):
        await bench.settled()
        bench.clock.advance(100 * 24 * 3600)
        bench.phone.incoming(BETO, text)
        await bench.settled()
        forgotten.append(await bench.store.compact(max_age=1e9, max_bytes=10**9, keys_remembered=50 * 24 * 3600))
    assert [done.keys for done in forgotten] == [0, 2]
    await bench.again()  # catch-up reads them all again
    bench.phone.incoming(ANA, "new")
    bench.phone.own(ANA, "new and ours")
    assert await bodies(bench, 4) == ["old", "later", "much later", "new"]
    events = await bench.stream(Stream.EVENT, 2)
    assert [event["message"]["body"] for event in events] == ["old and ours", "new and ours"]


@pytest.mark.parametrize("kind", sorted(SYSTEM_TYPES))
async def test_what_whatsapp_writes_by_itself_is_no_message(bench: Bench, kind: str) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "system", type=kind)
    bench.phone.own(ANA, "system", type=kind)
    bench.phone.incoming(ANA, "Hola")
    assert await bodies(bench, 1) == ["Hola"]
    assert bench.store.journal.bounds(Stream.EVENT).last == 0


@pytest.mark.parametrize(
    "chat", ["status@broadcast", "5491155500009@broadcast", "120363000000000009@newsletter", "0@c.us"]
)
async def test_feeds_get_no_seq(bench: Bench, chat: str) -> None:
    await bench.start()
    bench.phone.incoming(chat, "news")
    bench.phone.incoming(chat, "", type="unknown", raw={"t": 1})
    bench.phone.incoming(ANA, "Hola")
    assert await bodies(bench, 1) == ["Hola"]


async def test_an_undecrypted_message_is_told_once_it_can_be_read(bench: Bench) -> None:
    await bench.start()
    first = bench.phone.incoming(ANA, "", type="ciphertext")
    bench.phone.incoming(ANA, "Hola", key=first.key)
    assert await bodies(bench, 1) == ["Hola"]


async def test_what_the_driver_could_not_convert_is_told_with_its_raw_form(bench: Bench) -> None:
    await bench.start()
    bench.phone.incoming(ANA, "", type="unknown", raw={"novel": [1, {"x": None}]}, timestamp=0)
    bench.phone.incoming(ANA, "", type="unknown", raw={"novel": 1}, timestamp=5)  # history, as its time says
    bench.phone.incoming(ANA, "Hola")
    unknown, text = await bench.stream(Stream.IN, 2)
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
async def test_one_that_cannot_be_read_does_not_stop_the_rest(bench: Bench, name: str) -> None:
    await bench.start()
    fields = {"body": "odd", **UNREADABLE[name]}
    bench.phone.incoming(ANA, "before")
    bench.phone.incoming(ANA, **fields)
    bench.phone.own(ANA, **fields)
    bench.phone.incoming(ANA, "after")
    before, odd, after = await bench.stream(Stream.IN, 3)
    assert (before["body"], after["body"]) == ("before", "after")
    Inbound.model_validate({**odd, "v": 1, "session": "haby", "epoch": "e", "seq": 2})
    assert len(await bench.stream(Stream.EVENT, 1)) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), min_size=1, max_size=5))
async def test_text_of_any_kind_reaches_the_topic(bench: Bench, texts: list[tuple[str, str, str]]) -> None:
    if bench._running is None:
        await bench.start()
    first = bench.store.journal.bounds(Stream.IN).last
    for number, (body, name, raw_id) in enumerate(texts):
        key = MessageKey(False, Jid("5491155500001", Server.USER), f"{first}-{number}-{raw_id}")
        bench.phone.incoming(ANA, body, notify_name=name, key=key)
    await bench.stream(Stream.IN, first + len(texts))
    page = await bench.store.journal.read(Stream.IN, first, 10)
    for (seq, stored), (body, _, _) in zip(page.items, texts, strict=True):
        written = in_stream(Stream.IN, "haby", bench.store.journal.epoch, seq, stored)
        shown = Inbound.model_validate_json(written.encode()).body
        assert len(shown) == len(body)
        assert shown == body or "\ufffd" in shown


async def test_a_person_under_two_addresses_is_told_once(bench: Bench) -> None:
    await bench.start()
    pair: dict[str, Any] = {"from_lid": Jid.parse(LID), "from_pn": Jid.parse(ANA)}
    first = bench.phone.incoming(ANA, "Hola", **pair)
    bench.phone.incoming(LID, "Hola", key=first.key.under(Jid.parse(LID)), **pair)
    bench.phone.incoming(BETO, "end")
    messages = await bench.stream(Stream.IN, 2)
    assert [message["body"] for message in messages] == ["Hola", "end"]
    assert messages[0]["id"] == first.id
