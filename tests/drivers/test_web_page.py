"""Behaviour of a real page only: codes, undecrypted messages, addresses, sends without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.details import RefusalDetail
from bridge.contract.errors import BridgeError, InternalError, LimitReached, NotOnWhatsApp, ReachOutLocked, Refused
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.limits import AccountLimits, NewChats, NewChatStage
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web.injection import BINDING
from bridge.drivers.web.web_page import WebPage
from bridge.ports import CallInDoubt, DriverUnavailable
from bridge.sandbox.records import Contact, TransmissionMode
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, CARLA, CARLA_LID, DARIO, GROUP, LIMITS, MEMBER, WebWorld, connected, page_of

REPORTS: list[Any] = [
    '{"load":"L","holds":"abc"}',
    "{}",
    "[]",
    "null",
    "not JSON",
    "[" * 100_000,
    '{"load": {"deep": [1]}, "missing": 5, "pairedAt": "x", "refusal": 7, "passkey": [], "code": 9}',
    '{"load": "L", "unixTime": 1e400, "holds": 1e400}',
    5,
    None,
    "\ud800",
]


async def test_no_report_of_the_page_ends_the_session(web: WebWorld, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(web) as (driver, sink):
        page, shown = page_of(driver), len(sink.situations)
        for payload in REPORTS:
            await page.evaluate(f"(payload) => void window.{BINDING}(payload).catch(() => undefined)", payload)
        await page.evaluate(f"() => {{ for (let n = 0; n < 5000; n += 1) void window.{BINDING}('{{}}'); }}")
        web.incoming(ANA, "después")
        await sink.until(lambda: sink.messages and sink.messages[-1].body == "después")
        await sink.until_state(SessionState.CONNECTED)
        assert page_of(driver) is page
        assert not any(s.reason is Reason.PAGE_LOST for s in sink.situations[shown:])
    assert sum("report of the page" in record.message for record in caplog.records) >= 1


#: JSON shows each of them as two characters.
A_MILLION_LINES = "\n" * 1_000_000
HELD = "(count) => WPP.whatsapp.MsgStore.getModelsArray().length >= count"


async def test_items_that_are_too_large_for_one_batch_come_in_several(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)  # the page holds its items until `resume`
        for number in range(9):
            web.incoming(ANA, f"{number}{A_MILLION_LINES}")
        await page_of(driver).wait_for_function(HELD, arg=9)
        await driver.resume()
        await sink.until(lambda: len(sink.messages) == 9)
        assert [(message.body or "")[0] for message in sink.messages] == [f"{number}" for number in range(9)]
        assert Reason.PAGE_LOST not in [situation.reason for situation in sink.situations]


async def test_an_item_that_no_batch_can_carry_is_collected_after_another_load(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        seen = len(sink.states)
        web.incoming(ANA, A_MILLION_LINES * 9)
        web.incoming(ANA, "después")
        lost = await sink.until_state(SessionState.RECONNECTING, since=seen)
        assert lost.reason is Reason.PAGE_LOST
        await sink.until_state(SessionState.CONNECTED, since=seen)
        found = [len(m.body or "") async for batch in driver.collect({}, 0) for m in batch]
        assert found == [9_000_000, len("después")]
        await driver.resume()
        web.incoming(ANA, "en vivo")
        await sink.until(lambda: sink.messages and sink.messages[-1].body == "en vivo")


CONSOLE = "() => { for (let n = 0; n < 500; n += 1) console.log('n', { n }); }"


async def test_what_the_page_writes_to_its_console_is_not_kept(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        kept = page_of(driver)._impl_obj._connection._objects
        before = len(kept)
        await page_of(driver).evaluate(CONSOLE)
        await driver.reserve(Jid.parse(ANA))
        assert len(kept) < before + 100


CHAIN = "<script>open('about:blank'); open(location.href)</script>"


async def test_every_page_but_ours_is_closed_at_once(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        ours = page_of(driver)
        await ours.context.route("**/popup", lambda route: route.fulfill(body=CHAIN, content_type="text/html"))
        await ours.evaluate("() => { for (let n = 0; n < 20; n += 1) window.open('/popup', '_blank', 'noopener'); }")
        opened = await ours.context.new_page()  # as a debugger does; the site has no way that is left
        async with asyncio.timeout(20):
            await opened.wait_for_event("close")
        await asyncio.sleep(1)
        assert ours.context.pages == [ours]
        web.incoming(ANA, "después")
        await sink.until(lambda: sink.messages and sink.messages[-1].body == "después")


async def test_after_a_log_out_that_failed_the_phone_is_what_ends_the_login(web: WebWorld) -> None:
    async with connected(web, web.web_driver(limits=replace(LIMITS, call=0.5))) as (driver, sink):
        for answer, error in (("throw new Error('no');", DriverUnavailable), ("", CallInDoubt)):
            await page_of(driver).evaluate(f"() => {{ WPP.whatsapp.Socket.logout = () => {{ {answer} }}; }}")
            with pytest.raises(error):
                await driver.log_out()
        web.log_out()
        gone = await sink.until_state(SessionState.LOGGED_OUT)
        assert gone.reason is Reason.LOGGED_OUT_BY_PHONE


async def test_a_code_that_rotates(web: WebWorld) -> None:
    async with running(web.web_driver()) as sink:
        await sink.until(lambda: sink.codes)
        for slot in list(web.sandbox.world.linking.slots.values()):
            web.sandbox.world.linking.rotate(slot)
        await sink.until(lambda: len(sink.codes) == 2)
        first, second = sink.codes
        assert first is not None
        assert second is not None
        assert first.code != second.code
        assert first.expires_at - second.expires_at == pytest.approx(40, abs=10)


async def test_expired_codes_are_requested_again(web: WebWorld) -> None:
    world = web.sandbox.world
    world.configure(
        world.state.settings.model_copy(update={"first_ref_ttl_ms": 300, "ref_ttl_ms": 300, "refs_before_idle": 2})
    )
    async with running(web.web_driver()) as sink:
        await sink.until(lambda: any(s.reason is Reason.QR_EXPIRED for s in sink.situations))
        shown = len(sink.codes)
        await sink.until(lambda: any(sink.codes[shown:]))
        assert sink.states[-1] is SessionState.PAIRING


async def test_an_undecrypted_message_is_reported_again_once_it_is_decrypted(web: WebWorld) -> None:
    faults = web.sandbox.world.faults
    async with connected(web) as (_, sink):
        live = web.sandbox.world.incoming(ANA, "", kind="ciphertext").id
        web.incoming(ANA, "der nächste")
        await sink.until(lambda: len(sink.messages) == 2)
        assert [(m.key.id, m.type) for m in sink.messages[:1]] == [(live, "ciphertext")]
        assert sink.messages[1].body == "der nächste"
        faults.decrypt(live, "geheim")
        await sink.until(lambda: len(sink.messages) == 3)
        assert [(m.key.id, m.body, m.type) for m in sink.messages[2:]] == [(live, "geheim", "chat")]


async def test_an_undecrypted_message_that_is_not_in_the_pages_memory_is_looked_up(web: WebWorld) -> None:
    """Its text changes WhatsApp's database only, without an event."""
    world = web.sandbox.world
    async with connected(web):
        missed, deleted = (world.incoming(ANA, "", kind="ciphertext") for _ in range(2))
        for number in range(10):  # more than a page has in memory after a load
            web.incoming(ANA, f"{number}")
    driver = web.web_driver(limits=replace(LIMITS, undecrypted=0.3))
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        found = [m async for batch in driver.collect({}, 0) for m in batch]
        assert [(m.key.id, m.type) for m in found[:2]] == [(one.id, "ciphertext") for one in (missed, deleted)]
        in_memory = "(key) => Boolean(WPP.whatsapp.MsgStore.get(key))"
        assert await page_of(driver).evaluate(in_memory, missed.key) is False
        await driver.resume()
        world.faults.decrypt(missed.id, "geheim")
        old = deleted.key
        world.acts.revoke(deleted.id)
        await sink.until(lambda: len(sink.messages) == 2)
        assert [(str(m.key), m.type, m.body) for m in sink.messages] == [
            (missed.key, "chat", "geheim"),
            (old, "revoked", ""),
        ]


async def test_both_addresses_of_a_person_are_reported_if_known(web: WebWorld) -> None:
    async with connected(web) as (_, sink):
        web.incoming(CARLA_LID, "hola")
        web.incoming(DARIO, "hola")
        web.incoming(GROUP, "hola", MEMBER)
        await sink.until(lambda: len(sink.messages) == 3)
    known = [(m.from_pn and str(m.from_pn), m.from_lid and str(m.from_lid)) for m in sink.messages]
    assert known == [(CARLA, CARLA_LID), (None, DARIO), ("5491155500002@c.us", MEMBER)]


async def test_a_number_is_found_in_the_spelling_that_the_service_knows_and_queried_once(web: WebWorld) -> None:
    directory = web.sandbox.world.directory
    old, new, broken = "541155500031@c.us", "5215555500032@c.us", "541155500033@c.us"
    directory.add_contact(Contact(pn=old, name="Old", saved=False))
    directory.add_contact(Contact(pn=new, name="New", saved=False))
    directory.add_contact(Contact(pn=broken, name="Broken", saved=False, lookup_fails=True))
    async with connected(web) as (driver, _):
        for written in ("5491155500031", "541155500031", "54111555500031", "5491155500031"):
            assert str(await driver.resolve(Jid.parse(f"{written}@c.us"))) == old
        assert directory.looked_up == ["5491155500031@c.us", old]
        assert str(await driver.resolve(Jid.parse("525555500032@c.us"))) == new
        for _ in range(2):
            with pytest.raises(NotOnWhatsApp):
                await driver.resolve(Jid.parse("5491155500034@c.us"))
        assert directory.looked_up[4:] == ["5491155500034@c.us", "541155500034@c.us"]
        with pytest.raises(DriverUnavailable):  # no answer for the second spelling: unknown
            await driver.resolve(Jid.parse("5491155500033@c.us"))


#: Reading older messages fails `times` times.
DAMAGE = """(times) => {
  const read = globalThis.__read ?? WPP.chat.getMessages;
  globalThis.__read = read;
  Object.defineProperty(WPP.chat, "getMessages", { configurable: true, value: (chat, options) =>
    options.id && times-- > 0 ? Promise.reject(new Error("damaged")) : read(chat, options) });
}"""


async def test_a_damaged_chat_blocks_no_other_and_is_read_once_it_is_repaired(web: WebWorld) -> None:
    for number in range(150):
        web.incoming(ANA, f"{number}")
    web.incoming(DARIO, "hola")
    async with connected(web) as (driver, _):
        await page_of(driver).evaluate(DAMAGE, 10_000)
        found = [m async for batch in driver.collect({}, 0) for m in batch]
        bodies = [m.body for m in found]
        assert "hola" in bodies
        assert "149" in bodies
        assert "0" not in bodies  # else the damage had no effect, and this test proves nothing
        # the reported messages have moved the watermark past the unread ones
        marks = {str(m.chat): m.timestamp + 1 for m in found}
        await page_of(driver).evaluate(DAMAGE, 0)
        assert ANA in driver.unread
        since = {**marks, **driver.unread}
        again = [m.body async for batch in driver.collect(since, 0) for m in batch]
        assert driver.unread == {}
        assert [text for text in again if text != "hola"] == [f"{number}" for number in range(150)]
        assert [m async for batch in driver.collect(marks, 0) for m in batch] == []
        # a fault that passes has no effect
        await page_of(driver).evaluate(DAMAGE, 1)
        once = [m.body async for batch in driver.collect({}, 0) for m in batch]
        assert sorted(once) == sorted(again)


#: The next `times` reads of a chat's newest page fail, with what belongs to them; memory has nothing of any chat.
DAMAGE_NEWEST = """(times) => {
  const { getMessages, getMessageById } = globalThis.__undamaged ??= { ...WPP.chat };
  for (const chat of WPP.whatsapp.ChatStore.getModelsArray()) chat.msgs.reset();
  let down = false;
  const failing = (call, isDown) => (...args) => isDown(...args) ? Promise.reject(new Error("damaged")) : call(...args);
  const damaged = {
    getMessages: failing(getMessages, (_, options) => (down = !options.id && times-- > 0)),
    getMessageById: failing(getMessageById, () => down),
  };
  for (const [name, value] of Object.entries(damaged)) {
    Object.defineProperty(WPP.chat, name, { configurable: true, value });
  }
}"""


async def test_a_chat_whose_first_read_fails_is_not_read_completely(web: WebWorld) -> None:
    web.incoming(ANA, "hola")
    async with connected(web) as (driver, _):
        await page_of(driver).evaluate(DAMAGE_NEWEST, 1)
        assert [m.body async for batch in driver.collect({}, 0) for m in batch] == ["hola"]
        await page_of(driver).evaluate(DAMAGE_NEWEST, 10)
        assert [m async for batch in driver.collect({}, 7) for m in batch] == []
        assert driver.unread == {ANA: 7}


async def test_a_page_that_does_not_resume_gets_another_catch_up(web: WebWorld) -> None:
    """The page was logged out for a moment between two reports: without this, live items would wait forever."""
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        seen = len(sink.states)
        await page_of(driver).evaluate(
            """() => {
              const known = WPP.conn.isAuthenticated;
              let times = 1;
              Object.defineProperty(WPP.conn, "isAuthenticated", { value: () => (times-- > 0 ? false : known()) });
            }"""
        )
        await driver.resume()
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        web.incoming(ANA, "hola")
        await sink.until(lambda: sink.messages)


async def test_a_catch_up_over_many_chats_takes_few_calls(web: WebWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reconnect reads every chat: with five calls per chat, 20,000 chats took five minutes."""
    for number in range(300):
        web.incoming(f"5491155501{number:03d}@c.us", "hola")
    called = []
    call = WebPage.call

    async def counting_call(self: WebPage, name: str, *arguments: Any, **options: Any) -> Any:
        called.append(name)
        return await call(self, name, *arguments, **options)

    async with connected(web) as (driver, _):
        monkeypatch.setattr(WebPage, "call", counting_call)
        found = [m.body async for batch in driver.collect({}, 0) for m in batch]
    assert found == ["hola"] * 300
    assert len(called) < 60


#: The service's code, the error, and its detail.
REFUSALS: dict[bool, list[tuple[int, type[BridgeError], RefusalDetail | None]]] = {
    True: [(463, ReachOutLocked, None), (429, LimitReached, RefusalDetail.TOO_FAST), (403, Refused, None)],
    # a page without codes knows its lock
    False: [
        (463, ReachOutLocked, None),
        (475, LimitReached, RefusalDetail.NEW_CHAT_LIMIT),
        (499, Refused, None),
    ],
}


@pytest.mark.parametrize("known", [True, False])
async def test_a_send_that_the_service_refuses_says_why(web: WebWorld, known: bool) -> None:
    web.set(send_mode=TransmissionMode.REFUSE, ack_error_codes=known)
    async with connected(web) as (driver, sink):
        for code, error, detail in REFUSALS[known]:
            web.set(refusal_code=code, reach_out_lock_s=600 if code == 463 else None)
            locked = [code == 463]
            await sink.until(lambda to=locked: [bool(one.reach_out_locked_until) for one in sink.limits[-1:]] == to)  # type: ignore[misc]
            key = await driver.reserve(Jid.parse(ANA))
            with pytest.raises(error) as refused:
                await driver.send(key, Text("hola"))
            assert refused.value.detail == detail
            assert ("Until 20" in refused.value.text) == (code == 463)
            await sink.until(lambda key=key: sink.acks(key.id))  # type: ignore[misc]  # its error ack comes after the answer
            assert [type(change.error) for change in sink.ack_changes(key.id)] == [error]
    assert web.sent() == {}


async def test_the_page_says_what_whatsapp_limits(web: WebWorld) -> None:
    async with connected(web) as (_, sink):
        await sink.until(lambda: sink.limits == [AccountLimits()])
        web.set(new_chats_used=31)
        await sink.until(lambda: sink.limits[-1].new_chats is not None)
        assert sink.limits[-1] == AccountLimits(new_chats=NewChats(used=31, total=40, stage=NewChatStage.FIRST_WARNING))
        web.set(new_chats_used=40, reach_out_lock_s=600)
        await sink.until(lambda: sink.limits[-1].reach_out_locked_until is not None)
        await sink.until(lambda: sink.limits[-1].new_chats == NewChats(used=40, total=40, stage=NewChatStage.CAPPED))
        web.set(new_chats_used=None, reach_out_lock_s=None)
        await sink.until(lambda: sink.limits[-1] == AccountLimits())


async def test_a_group_whose_addressing_changed_gets_the_message_at_the_second_try(web: WebWorld) -> None:
    web.set(send_mode=TransmissionMode.REFUSE, refusal_code=421)
    async with connected(web) as (driver, _):
        key = await driver.reserve(Jid.parse(GROUP))
        assert await driver.send(key, Text("hola")) >= 0
        assert web.sent() == {key.id: ("hola", 1)}


async def test_a_send_that_fails_in_the_page_ends_at_once(web: WebWorld) -> None:
    async with connected(web) as (driver, _):
        web.mode(TransmissionMode.FAIL)
        key = await driver.reserve(Jid.parse(ANA))
        with pytest.raises(InternalError, match="nothing was sent"):
            await driver.send(key, Text("hola"))
        assert web.sent() == {}
        web.mode(TransmissionMode.BREAK)
        web.manual_acks()
        key = await driver.reserve(Jid.parse(ANA))
        with pytest.raises(CallInDoubt, match="ERROR_UNKNOWN"):
            await driver.send(key, Text("hola"))
        assert (await driver.look_up(key)).stopped
        web.mode(TransmissionMode.NORMAL)
        assert await driver.resend(key) == 0
        web.acknowledge(key.id, 1)
        assert web.sent() == {key.id: ("hola", 1)}


async def test_a_message_on_the_clock_is_stopped_by_a_load_and_sent_again_under_its_id(web: WebWorld) -> None:
    web.mode(TransmissionMode.HOLD)
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        assert await driver.send(key, Text("hola")) == 0
        web.mode(TransmissionMode.NORMAL)
        seen = len(sink.situations)
        web.sandbox.world.faults.reload()
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        found = await driver.look_up(key)
        assert (found.ack, found.stopped) == (0, True)
        assert web.sent() == {}
        await driver.resend(key)
        await sink.until(lambda: 1 in sink.acks(key.id))
        assert not (await driver.look_up(key)).stopped
    assert web.sent() == {key.id: ("hola", 1)}


async def test_a_message_that_stops_after_its_call_is_reported(web: WebWorld) -> None:
    web.mode(TransmissionMode.HOLD)
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        assert await driver.send(key, Text("hola")) == 0
        web.mode(TransmissionMode.FAIL)
        web.link(up=False)
        seen = len(sink.situations)
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        await sink.until(lambda: sink.stopped == [key])


async def test_a_message_after_another_of_its_chat_takes_one_call_into_the_page(
    web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    call = WebPage.call

    async def counting_call(self: WebPage, name: str, *arguments: Any, **options: Any) -> Any:
        called.append(name)
        return await call(self, name, *arguments, **options)

    async with connected(web) as (driver, _):
        monkeypatch.setattr(WebPage, "call", counting_call)
        keys = []
        for to in (ANA, ANA, GROUP, ANA):
            keys.append(await driver.reserve(Jid.parse(to)))
            await driver.send(keys[-1], Text("hola"))
        assert called == ["reserve", "send", "send", "reserve", "send", "send"]
        assert [str(key.remote) for key in keys] == [ANA, ANA, GROUP, ANA]
        again = [await driver.reserve(Jid.parse(ANA)) for _ in range(2)]  # a key is given once
        assert called[6:] == ["reserve"]
    assert web.sent() == {key.id: ("hola", 1) for key in keys}
    assert len({key.id for key in (*keys, *again)}) == 6


async def test_a_blocked_contact_gets_no_message(web: WebWorld) -> None:
    web.sandbox.world.directory.add_contact(Contact(pn=ANA, name="Ana", blocked=True))
    async with connected(web) as (driver, _):
        key = await driver.reserve(Jid.parse(ANA))
        with pytest.raises(Refused, match="blocked the recipient"):
            await driver.send(key, Text("hola"))
    assert web.sent() == {}


async def test_a_reload_that_is_asked_for_waits_for_messages_on_the_clock(web: WebWorld) -> None:
    web.manual_acks()
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        assert await driver.send(key, Text("hola")) == 0
        await asyncio.sleep(2 * LIMITS.report)
        reload = asyncio.create_task(driver.reload(), name="reload")
        await asyncio.sleep(3 * LIMITS.report)
        assert not reload.done()
        seen = len(sink.situations)
        web.acknowledge(key.id, 1)
        await reload
        await sink.until_state(SessionState.CONNECTED, since=seen)
        assert (await driver.look_up(key)).ack == 1


BALLAST = "() => { globalThis.ballast = Array.from({ length: 4e6 }, (_, n) => ({ n })); }"
HEAVY_MB = 60  # less than the ballast weighs, more than a page varies by


async def test_the_browser_of_a_relative_profile_is_measured(
    web: WebWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`data` is relative by default, but a browser is started with the absolute path."""
    monkeypatch.chdir(tmp_path)
    web.profile = web.profile.relative_to(tmp_path)
    driver = web.web_driver(limits=replace(LIMITS, memory=0.2))
    async with connected(web, driver), asyncio.timeout(20):
        while driver.memory is None:  # noqa: ASYNC110 - measured from outside
            await asyncio.sleep(0.05)
        assert driver.memory.browser_mb > 10


async def test_an_idle_page_releases_its_memory(web: WebWorld) -> None:
    driver = web.web_driver(limits=replace(LIMITS, memory=0.2, idle=1.0))
    async with connected(web, driver) as (_, sink):

        async def browser_mb(holds: Callable[[int], bool]) -> int:
            async with asyncio.timeout(20):
                while driver.memory is None or not holds(driver.memory.browser_mb):  # noqa: ASYNC110 - measured from outside
                    await asyncio.sleep(0.05)
            return driver.memory.browser_mb

        light = await browser_mb(lambda _: True)
        await page_of(driver).evaluate(BALLAST)
        heavy = await browser_mb(lambda now: now > light + HEAVY_MB)
        await page_of(driver).evaluate("() => { delete globalThis.ballast; }")
        web.incoming(ANA, "y después nada")
        await browser_mb(lambda now: now < heavy - HEAVY_MB)
        web.incoming(ANA, "sigue viva")
        await sink.until(lambda: "sigue viva" in [message.body for message in sink.messages])
    assert driver.memory is None


async def test_an_answer_that_is_lost_leaves_the_send_pending_and_it_is_found(web: WebWorld) -> None:
    web.mode(TransmissionMode.LOSE_ANSWER)
    web.manual_acks()
    async with connected(web) as (driver, _):
        key = await driver.reserve(Jid.parse(ANA))
        assert await driver.send(key, Text("hola")) == 0
        assert (await driver.look_up(key)).ack == 0
        # the page has it already: a repeated call does not send it again
        assert await driver.send(key, Text("hola")) == 0
        assert web.sandbox.world.state.sent[key.id].transmissions == 1


async def test_acks_from_while_no_bridge_ran_are_reported(web: WebWorld) -> None:
    web.manual_acks()
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        await driver.send(key, Text("hola"))
        web.acknowledge(key.id, 1)
        await sink.until(lambda: sink.acks(key.id))
    web.acknowledge(key.id, 3)
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        assert (await driver.look_up(key)).ack == 3
        await driver.resume()
        await sink.until(lambda: sink.acks(key.id))
    assert sink.acks(key.id) == [3]
