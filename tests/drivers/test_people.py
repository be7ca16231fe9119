"""Chats' marks, contacts, profile, labels, presence and calls, through the real wa-js."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge.contract.errors import (
    InvalidRequest,
    LimitReached,
    MessageNotFound,
    NotOnWhatsApp,
    Refused,
    TooLarge,
    Unsupported,
)
from bridge.contract.jid import Jid
from bridge.contract.requests import BY_ACTION, request_of
from bridge.contract.session import SessionState
from bridge.drivers.web.profile import DOWNLOADS
from bridge.ports import CallInDoubt, DriverUnavailable, IncomingEvent, WhatsAppDriver
from bridge.sandbox.phone_calls import CallOutcome
from bridge.sandbox.records import ACCOUNT, Contact
from tests.drivers.recording import RecordingSink
from tests.drivers.worlds import (
    ANA,
    CARLA,
    CARLA_LID,
    DARIO,
    ELENA,
    GROUP,
    LIMITS,
    MEMBER,
    STRANGER,
    UNANSWERED,
    UNREGISTERED,
    WebWorld,
    connected,
    page_of,
)
from tests.loopback import http_client

BRUNO = "5491155500002@c.us"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


async def ask(driver: WhatsAppDriver, action: str, **arguments: Any) -> Any:
    """Carry out a request; its data has the form that the contract documents, except values of the port."""
    data = await driver.answer(request_of(action, arguments))
    form = BY_ACTION[action].data
    assert (data is None) is (form is None)
    if form is not None:
        form.model_validate({**data, **{name: None for name in ("last", "person") if name in data}})
    return data


def events(sink: RecordingSink, kind: str) -> list[dict[str, Any]]:
    found = [item for batch in sink.batches for item in batch if isinstance(item, IncomingEvent) and item.kind == kind]
    return [{"chat": str(item.chat), **item.fields} for item in found]


async def until(condition: Callable[[], object]) -> None:
    """Poll what no event announces."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_marks_of_a_chat_are_set_and_reported(web: WebWorld) -> None:
    world = web.sandbox.world
    chats = world.directory.chats
    async with connected(web) as (driver, sink):
        assert (await ask(driver, "chats.get", chat="+54 9 11 5550-0001"))["chat"] == ANA
        for _ in range(2):  # again changes nothing, and is no error
            await ask(driver, "chats.archive", chat=ANA)
            await ask(driver, "chats.pin", chat=CARLA)
            await ask(driver, "chats.mute", chat=GROUP)
            await ask(driver, "chats.unread", chat=DARIO)
        assert (chats[ANA].archived, chats[CARLA_LID].pinned_ms > 0, chats[GROUP].muted_until) == (True, True, -1)
        assert chats[DARIO].marked_unread
        marks = await asyncio.gather(*(ask(driver, "chats.get", chat=chat) for chat in (ANA, CARLA, GROUP, DARIO)))
        assert [(m["archived"], m["pinned"], m["muted_until"], m["unread"]) for m in marks] == [
            (True, False, None, 0),
            (False, True, None, 0),
            (False, False, -1, 0),
            (False, False, None, -1),
        ]
        until_when = int(time.time()) + 3600
        await ask(driver, "chats.mute", chat=ANA, until=until_when)
        assert (await ask(driver, "chats.get", chat=ANA))["muted_until"] == until_when
        with pytest.raises(InvalidRequest, match="past"):
            await ask(driver, "chats.mute", chat=ANA, until=1_600_000_000)
        with pytest.raises(InvalidRequest, match="no such chat"):
            await ask(driver, "chats.archive", chat="5491155500098")
        # the phone does it
        seen = len(sink.batches)
        world.account.mark(ANA, archived=False)
        world.account.mark(ANA, muted_until=0)
        world.mark_seen(DARIO)
        world.account.mark(GROUP, marked_unread=True)
        wanted = [
            {"chat": ANA, "archived": False},
            {"chat": ANA, "muted": False, "muted_until": 0},
            {"chat": DARIO, "read": True},
            {"chat": GROUP, "read": False},
        ]
        await sink.until(lambda: events(sink, "chat")[-4:] == wanted)
        assert len(sink.batches) > seen
        # a message moves a chat that is marked as unread to one message
        web.incoming(GROUP, "¿Vienen?", author=MEMBER)
        await sink.until(lambda: sink.messages)
        assert (await ask(driver, "chats.get", chat=GROUP))["unread"] == 1
        await ask(driver, "chats.pin", chat=ANA)
        await ask(driver, "chats.pin", chat=GROUP)
        with pytest.raises(LimitReached, match="pinned"):
            await ask(driver, "chats.pin", chat=DARIO)
        await ask(driver, "chats.pin", chat=ANA, on=False)
        assert not chats[ANA].pinned_ms


async def test_what_the_page_does_not_confirm_is_in_doubt(web: WebWorld) -> None:
    async with connected(web, web.web_driver(limits=replace(LIMITS, confirm=0.3))) as (driver, _):
        await page_of(driver).evaluate("window.importNamespace('SandboxChats').archiveChat = async () => {}")
        with pytest.raises(CallInDoubt, match="archive"):
            await ask(driver, "chats.archive", chat=ANA)
        assert (await ask(driver, "chats.get", chat=ANA))["archived"] is False


async def test_contacts_are_listed_read_and_blocked(web: WebWorld) -> None:
    world = web.sandbox.world
    for number in range(60):
        world.directory.add_contact(Contact(pn=f"549115551{number:04}@c.us", name=f"Cliente {number}"))
    world.directory.add_contact(Contact(pn="5491155520001@c.us", name="Álvaro"))
    for number in (2, 1):
        world.directory.add_contact(Contact(pn=f"549115550000{number}0@c.us", name=""))
    world.directory.add_contact(Contact(lid="188000000000077@lid", name="", pushname="ñandú 🎉"))
    bruno = world.directory.contact(BRUNO)
    assert bruno is not None
    bruno.pushname, bruno.about, bruno.business = "Bru", "Ferretería", True
    async with connected(web) as (driver, _):
        found, after = [], None
        while True:
            page = await ask(driver, "contacts.list", limit=25, **({"after": after} if after else {}))
            found += page["contacts"]
            if (after := page["next"]) is None:
                break
        assert len({one["contact"] for one in found}) == len(found)
        names = [one["name"] or one["pushname"] for one in found]
        clients = [f"Cliente {number}" for number in range(60)]
        assert names == ["Álvaro", "Ana", "Bruno", "Carla", *clients, "Darío", "ñandú 🎉", None, None]
        with pytest.raises(InvalidRequest, match="after"):
            await ask(driver, "contacts.list", after="5491155500001@c.us %zz")
        assert [one["name"] for one in (await ask(driver, "contacts.list", search="BRU"))["contacts"]] == ["Bruno"]
        # by number in any spelling and by LID
        for spelled in ("011 15 5550-0002", "+54 11 5550 0002", MEMBER):
            request = request_of("contacts.get", {"contact": spelled}).sent_from("5491155500000")
            known = await driver.answer(request)
            assert (known["contact"], known["from_lid"], known["name"], known["pushname"]) == (
                *(BRUNO, MEMBER),
                "Bruno",
                "Bru",
            )
            assert (known["about"], known["business"], known["me"]) == ("Ferretería", True, False)
            assert {str(one) for one in known["person"].addresses} == {BRUNO, MEMBER}
        me = await ask(driver, "contacts.get", contact=ACCOUNT)
        assert (me["me"], me["contact"]) == (True, ACCOUNT)
        assert (await ask(driver, "contacts.get", contact=ELENA))["saved"] is False
        assert (await ask(driver, "contacts.get", contact=DARIO))["from_pn"] is None
        for contact, error in (
            (UNREGISTERED, NotOnWhatsApp),
            (UNANSWERED, DriverUnavailable),
            (STRANGER, MessageNotFound),
            (GROUP, InvalidRequest),
        ):
            with pytest.raises(error):
                await ask(driver, "contacts.get", contact=contact)
        # blocking, under any address
        for contact in (BRUNO, CARLA_LID, DARIO, ELENA):
            await ask(driver, "contacts.block", contact=contact)
            await ask(driver, "contacts.block", contact=contact)
        blocked = await ask(driver, "contacts.list", blocked=True)
        assert [one["contact"] for one in blocked["contacts"]] == [BRUNO, CARLA, DARIO, ELENA]
        assert (await ask(driver, "contacts.get", contact=MEMBER))["blocked"] is True
        world.account.block(CARLA, blocked=False)  # on the phone
        for contact in (MEMBER, DARIO, ELENA):
            await ask(driver, "contacts.unblock", contact=contact)
        assert (await ask(driver, "contacts.list", blocked=True))["contacts"] == []
        with pytest.raises(InvalidRequest, match="itself"):
            await ask(driver, "contacts.block", contact=ACCOUNT)


async def test_a_migrated_account_blocks_lids(web: WebWorld) -> None:
    web.set(lid_migrated=True)
    async with connected(web) as (driver, _):
        await ask(driver, "contacts.block", contact=BRUNO)
        assert (await ask(driver, "contacts.get", contact=MEMBER))["blocked"] is True
        [entry] = (await ask(driver, "contacts.list", blocked=True))["contacts"]
        assert (entry["contact"], entry["from_lid"]) == (BRUNO, MEMBER)
        await ask(driver, "contacts.unblock", contact=BRUNO)
        with pytest.raises(Refused, match="once there is a chat"):
            await ask(driver, "contacts.block", contact=ELENA)


async def test_a_picture_is_saved_as_a_file_once(web: WebWorld) -> None:
    world = web.sandbox.world

    async def change(contact: str, content: bytes) -> None:
        async with http_client(web.sandbox.api_url, timeout=60) as client:
            (await client.put("/picture", params={"id": contact}, content=content)).raise_for_status()

    async with connected(web) as (driver, sink):

        async def fetch(contact: str, known: str | None = None) -> tuple[str | None, bytes | None]:
            async with driver.picture(Jid.parse(contact), known, 5_000_000, 20.0) as picture:
                return picture.tag, picture.path.read_bytes() if picture.path else None

        assert await fetch(ANA) == (None, None)
        await change(BRUNO, PNG)
        tag, content = await fetch(MEMBER)
        assert content == PNG
        assert await fetch(BRUNO, tag) == (tag, None)
        await change(BRUNO, PNG + b"newer")
        world.incoming(BRUNO, "¿Te gusta?")
        await sink.until(lambda: sink.messages)
        newer, content = await fetch(BRUNO, tag)
        assert (newer != tag, content) == (True, PNG + b"newer")
        await change(DARIO, bytes(20_000_000))
        with pytest.raises(TooLarge, match="20000000"):
            await fetch(DARIO)
        for contact, error in ((STRANGER, MessageNotFound), (UNREGISTERED, NotOnWhatsApp)):
            with pytest.raises(error):
                await fetch(contact)
    assert list((web.profile / DOWNLOADS).iterdir()) == []


async def test_presence_is_reported_of_those_who_are_followed_and_only_while_they_are(web: WebWorld) -> None:
    world = web.sandbox.world
    async with connected(web) as (driver, sink):
        await until(lambda: not world.shown_online)
        await ask(driver, "contacts.subscribe", contact=CARLA, seconds=3600)
        await until(lambda: world.shown_online)
        for kind in ("available", "typing", "recording_audio", "unavailable"):
            world.account.be(ANA, kind)
            world.account.be(CARLA, kind)
        await sink.until(lambda: len(events(sink, "presence")) == 4)
        found = events(sink, "presence")
        assert [one["presence"] for one in found] == ["online", "typing", "recording", "offline"]
        assert {one["chat"] for one in found} <= {CARLA, CARLA_LID}
        assert abs(found[-1]["last_seen"] - time.time()) < 30
        await ask(driver, "contacts.subscribe", contact=CARLA_LID, seconds=0)
        await until(lambda: not world.shown_online)
        await ask(driver, "contacts.subscribe", contact=ANA, seconds=0.3)
        await until(lambda: world.shown_online)
        await until(lambda: not world.shown_online)
        world.account.be(ANA, "available")
        web.incoming(ANA, "hola")
        await sink.until(lambda: sink.messages)
        assert len(events(sink, "presence")) == 4
        with pytest.raises(InvalidRequest):
            await ask(driver, "contacts.subscribe", contact=ACCOUNT, seconds=1)


@pytest.mark.parametrize("native", [False, True])
async def test_calls_are_reported_and_rejected(web: WebWorld, native: bool) -> None:
    world = web.sandbox.world
    web.set(native_calls=native)
    async with connected(web) as (driver, sink):
        missed = world.account.call(ANA)
        await sink.until(lambda: events(sink, "call"))
        world.account.end(missed.id, CallOutcome.MISSED)
        await sink.until(lambda: len(events(sink, "call")) == 2)
        taken = world.account.call(CARLA, video=True)
        await sink.until(lambda: len(events(sink, "call")) == 3)
        world.account.end(taken.id, CallOutcome.ELSEWHERE)
        await sink.until(lambda: len(events(sink, "call")) == 4)
        unwanted = world.account.call(ANA)
        await sink.until(lambda: len(events(sink, "call")) == 5)
        await ask(driver, "calls.reject", call_id=unwanted.id)
        await until(lambda: not world.account.calls)
        await sink.until(lambda: len(events(sink, "call")) >= 6)
        reported = [(one["chat"], one["call_id"], one["action"], one["video"]) for one in events(sink, "call")]
        assert reported[:6] == [
            (ANA, missed.id, "offered", False),
            (ANA, missed.id, "missed", False),
            (CARLA_LID, taken.id, "offered", True),
            (CARLA_LID, taken.id, "ended", True),
            (ANA, unwanted.id, "offered", False),
            (ANA, unwanted.id, "rejected", False),
        ]
        assert {one[1:3] for one in reported[6:]} <= {(unwanted.id, "rejected")}  # the same event, seen twice
        # one that was missed while no page was there is found in the database
        fields = {"callOutcome": "Missed", "isVideoCall": True, "callCreator": ANA}
        web.link(up=False)
        away = world.incoming(ANA, "", kind="call_log", fields=fields, message_id="CALL7")
        world.faults.reload()
        await sink.until_state(SessionState.RECONNECTING)
        seen = len(sink.situations)
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=seen)
        async for _ in driver.collect({}, 0):
            pass
        await driver.resume()
        await sink.until(lambda: away.id in [one["call_id"] for one in events(sink, "call")])
        assert next(one for one in events(sink, "call") if one["call_id"] == away.id) == {
            "chat": ANA,
            "call_id": "CALL7",
            "action": "missed",
            "video": True,
        }
        for gone in (missed.id, "nope"):
            with pytest.raises(MessageNotFound):
                await ask(driver, "calls.reject", call_id=gone)


async def test_the_account_s_profile_and_labels(web: WebWorld) -> None:
    world = web.sandbox.world
    async with connected(web) as (driver, _):
        profile = await ask(driver, "profile.get")
        assert (profile["from_pn"], profile["name"], profile["business"]) == (ACCOUNT, "Sandbox", False)
        await ask(driver, "profile.set", name="Ferretería Haby", about="Lunes a viernes de 9 a 18")
        assert (world.state.profile.name, world.state.profile.about) == ("Ferretería Haby", "Lunes a viernes de 9 a 18")
        await ask(driver, "profile.set", about="Vacaciones")
        profile = await ask(driver, "profile.get")
        assert (profile["name"], profile["about"]) == ("Ferretería Haby", "Vacaciones")
        for action, arguments in (("labels.list", {}), ("labels.set", {"chat": ANA, "labels": []})):
            with pytest.raises(Unsupported, match="Business"):
                await ask(driver, action, **arguments)


async def test_a_business_account_has_labels(web: WebWorld) -> None:
    chats = web.sandbox.world.directory.chats
    web.set(business=True)
    async with connected(web) as (driver, _):
        assert (await ask(driver, "profile.get"))["business"] is True
        await ask(driver, "labels.set", chat=ANA, labels=["Pagado", "1"])
        assert sorted(chats[ANA].labels) == ["1", "3"]
        await ask(driver, "labels.set", chat=ANA, labels=["3"])
        assert chats[ANA].labels == ["3"]
        labels = (await ask(driver, "labels.list"))["labels"]
        assert [(one["name"], one["chats"]) for one in labels] == [
            ("Nuevo cliente", []),
            ("Pago pendiente", []),
            ("Pagado", [ANA]),
        ]
        assert labels[0]["color"].startswith("#")
        with pytest.raises(MessageNotFound, match="label"):
            await ask(driver, "labels.set", chat=ANA, labels=["Nadie"])
