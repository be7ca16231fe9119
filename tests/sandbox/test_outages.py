"""Persistence: reloads, killed browsers, the link, lost answers, logouts, a restarted sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest
from playwright.async_api import WebSocketRoute

from bridge.sandbox import Sandbox
from bridge.sandbox.records import BlockReason, TransmissionMode
from tests.sandbox.conftest import OpenProfile, Tab
from tests.sandbox.test_double import ANA, GROUP

MOMENT = "() => new Promise((done) => setTimeout(done, 20))"
STATE = "() => [WPP.whatsapp.Socket.state, WPP.whatsapp.Socket.stream, WPP.conn.getStreamData().mode]"
HANGING_SEND = (
    "([chat, body, key]) => {WPP.chat.sendTextMessage(chat, body,"
    " {messageId: key, linkPreview: false, markIsRead: false}).then(() => {globalThis.answered = true})}"
)


def sending(sandbox: Sandbox, mode: TransmissionMode) -> None:
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"send_mode": mode}))


async def reloaded(tab: Tab) -> None:
    await tab.page.reload()
    await tab.usable()


async def test_a_reload_keeps_the_login_and_sent_messages(sandbox: Sandbox, paired: Tab) -> None:
    key = await paired.reserve(ANA)
    await paired.send(ANA, "una vez", key)
    await reloaded(paired)
    assert await paired.events("conn.authenticated") == []
    found = await paired.run("async (id) => {const m = await WPP.chat.getMessageById(id); return [m.body, m.ack]}", key)
    assert found[0] == "una vez"
    assert found[1] >= 1
    missing = key[:-4] + "0000"
    error = "(id) => WPP.chat.getMessageById(id).then(() => null, (e) => e.code)"
    assert await paired.run(error, missing) == "msg_not_found"


async def test_an_older_message_that_is_not_in_memory_is_found_by_its_id(sandbox: Sandbox, paired: Tab) -> None:
    old = sandbox.world.incoming(ANA, "vieja")
    for n in range(10):
        sandbox.world.incoming(ANA, f"m{n}")
    await reloaded(paired)
    assert await paired.run("(id) => Boolean(WPP.whatsapp.MsgStore.get(id))", old.key) is False
    assert await paired.run("async (id) => (await WPP.chat.getMessageById(id)).body", old.key) == "vieja"


async def test_acts_during_a_lost_connection_of_the_open_page_arrive_after_it(sandbox: Sandbox, paired: Tab) -> None:
    routes: list[WebSocketRoute] = []

    def pass_through(route: WebSocketRoute) -> None:
        route.connect_to_server()
        routes.append(route)

    await paired.page.route_web_socket("**/ws/chat", pass_through)
    await reloaded(paired)
    message = sandbox.world.incoming(ANA, "a las 8")
    await paired.event("chat.new_message", id=message.key)
    connected = len(sandbox.world.listeners)
    await routes[-1].close()
    async with asyncio.timeout(5):
        while len(sandbox.world.listeners) == connected:  # noqa: ASYNC110 - the sandbox's list has no event
            await asyncio.sleep(0.005)
    sandbox.world.acts.react(message.id, "👍", ANA)
    await paired.event("chat.new_reaction")


async def test_messages_received_while_closed_arrive_as_new_ones_after_the_load(sandbox: Sandbox, paired: Tab) -> None:
    """Those that come before wa-js listens are in the stores without an event: here it has time to listen first."""
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"sync_ms": 2000}))
    seen = sandbox.world.incoming(ANA, "vista")
    await paired.event("chat.new_message", id=seen.key)
    await paired.page.goto("about:blank")
    away = [sandbox.world.incoming(ANA, "uno"), sandbox.world.incoming(GROUP, "dos", author=ANA)]
    await paired.page.goto(sandbox.url)
    await paired.usable()
    for message in away:
        event = await paired.event("chat.new_message", id=message.key)
        assert (event["isNewMsg"], event["t"]) == (True, message.t)
    assert [m["body"] for m in await paired.messages(ANA)] == ["vista", "uno"]
    assert [e["body"] for e in await paired.events("chat.new_message")] == ["uno", "dos"]


async def test_very_many_missed_messages_are_stored_before_the_page_is_usable(sandbox: Sandbox, paired: Tab) -> None:
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update={"blocking_resume": 2}))
    await paired.page.goto("about:blank")
    away = [sandbox.world.incoming(ANA, "uno"), sandbox.world.incoming(GROUP, "dos", author=ANA)]
    await paired.page.goto(sandbox.url)
    await paired.usable()
    assert await paired.run("(id) => WPP.whatsapp.MsgStore.get(id)?.body", away[1].key) == "dos"
    assert [(m["body"], m["isNewMsg"]) for m in await paired.messages(ANA)] == [("uno", False)]
    live = sandbox.world.incoming(ANA, "tres")
    await paired.event("chat.new_message", id=live.key)
    assert len(await paired.events("chat.new_message")) == 1
    # a page that stays open reloads itself
    sandbox.world.set_link(up=False)
    await paired.until(f"() => {{globalThis.old = true; return ({STATE})()[0] !== 'CONNECTED'}}")
    for body in ("cuatro", "cinco"):
        sandbox.world.incoming(ANA, body)
    sandbox.world.set_link(up=True)
    await paired.until("() => WPP.isFullReady && !globalThis.old")
    await paired.usable()
    assert [m["body"] for m in await paired.messages(ANA)] == ["uno", "tres", "cuatro", "cinco"]
    assert await paired.events("chat.new_message") == []


async def test_a_killed_browser_finds_its_login_again(
    sandbox: Sandbox, open_profile: OpenProfile, tmp_path: Path
) -> None:
    context = await open_profile()
    tab = Tab(context.pages[0])
    await tab.page.goto(sandbox.url)
    await tab.until("() => WPP.isFullReady")
    device = sandbox.world.linking.scan()
    await tab.usable()
    while not written(tmp_path / "profile", device.id):
        await tab.run(MOMENT)
    kill_browser(tmp_path / "profile")
    message = sandbox.world.incoming(ANA, "mientras tanto")

    again = Tab((await open_profile()).pages[0])
    await again.page.goto(sandbox.url)
    await again.usable()
    await again.until("(id) => WPP.whatsapp.MsgStore.get(id)?.body === 'mientras tanto'", message.key)
    assert list(sandbox.world.linking.devices) == [device.id]


def written(profile: Path, token: str) -> bool:
    """Whether the login is on disk: Chromium writes localStorage late, and a kill before that loses the login."""
    parts = profile.glob("**/Local Storage/leveldb/*.log")
    return any(token.encode() in part.read_bytes() for part in parts)


def kill_browser(profile: Path) -> None:
    flag = f"--user-data-dir={profile}"
    started = psutil.Process().children(recursive=True)
    browsers = [p for p in started if p.is_running() and flag in p.cmdline()]
    assert browsers
    for process in browsers:
        process.kill()
    psutil.wait_procs(browsers, timeout=5)


async def test_the_link_goes_down_and_comes_back(sandbox: Sandbox, paired: Tab) -> None:
    assert await paired.run(STATE) == ["CONNECTED", "CONNECTED", "MAIN"]
    sandbox.world.set_link(up=False)
    await paired.until(f"() => ({STATE})().join() === 'CONNECTED,DISCONNECTED,MAIN'")
    await paired.until(f"() => ({STATE})().join() === 'OPENING,DISCONNECTED,MAIN'")  # its first attempt, a second later
    missed = [sandbox.world.incoming(ANA, "primero"), sandbox.world.incoming(ANA, "segundo")]
    key = await paired.reserve(ANA)
    await paired.run(HANGING_SEND, [ANA, "espera", key])
    await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.ack === 0", key)
    assert await paired.run("(id) => Boolean(WPP.whatsapp.MsgStore.get(id))", missed[0].key) is False
    assert sandbox.world.state.sent == {}

    sandbox.world.set_link(up=True)
    for message in missed:
        await paired.event("chat.new_message", id=message.key)
    await paired.event("chat.msg_ack_change", ids=[key], ack=1)
    assert await paired.run(STATE) == ["CONNECTED", "CONNECTED", "MAIN"]
    assert await paired.until("() => globalThis.answered")
    [sent] = sandbox.world.state.sent.values()
    assert (sent.key, sent.transmissions, sent.deliveries) == (key, 1, 1)


async def test_a_page_that_loads_while_the_link_is_down_is_usable_when_it_is_up(sandbox: Sandbox, paired: Tab) -> None:
    sandbox.world.set_link(up=False)
    await paired.page.reload()
    await paired.until(f"() => WPP.isReady && ({STATE})().join() === 'OPENING,DISCONNECTED,SYNCING'")
    message = sandbox.world.incoming(ANA, "mientras tanto")
    sandbox.world.set_link(up=True)
    await paired.usable()
    assert await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.body", message.key) == "mientras tanto"


FAILURE = "(id) => {const m = WPP.whatsapp.MsgStore.get(id); return [m.ack, m.isSendFailure, m.ackErrorCode ?? null]}"
RESEND = "async (id) => (await WPP.whatsapp.MsgStore.get(id).resend()).messageSendResult"


async def test_a_lost_answer_leaves_the_message_in_doubt_until_it_is_sent_again(sandbox: Sandbox, paired: Tab) -> None:
    settings = sandbox.world.state.settings
    quiet = settings.receipts.model_copy(update={"device_ms": None, "read_ms": None})
    sandbox.world.configure(settings.model_copy(update={"send_mode": TransmissionMode.LOSE_ANSWER, "receipts": quiet}))
    key = await paired.reserve(ANA)
    await paired.run(HANGING_SEND, [ANA, "¿llegó?", key])
    while sandbox.world.message(key) is None or sandbox.world.state.due:
        await paired.run(MOMENT)
    assert await paired.run("(id) => [WPP.whatsapp.MsgStore.get(id).ack, globalThis.answered ?? false]", key) == [
        0,
        False,
    ]

    sending(sandbox, TransmissionMode.NORMAL)
    await reloaded(paired)
    assert await paired.run(FAILURE, key) == [0, True, None]
    assert await paired.run(RESEND, key) == "OK"
    assert await paired.run(FAILURE, key) == [1, False, None]
    [sent] = sandbox.world.state.sent.values()
    assert (sent.transmissions, sent.deliveries) == (2, 1)
    assert [m.body for m in sandbox.world.state.messages] == ["¿llegó?"]


async def test_a_message_lost_in_transit_stays_in_the_devices_database(sandbox: Sandbox, paired: Tab) -> None:
    sending(sandbox, TransmissionMode.HOLD)
    key = await paired.reserve(ANA)
    await paired.run(HANGING_SEND, [ANA, "más tarde", key])
    await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.ack === 0", key)
    sending(sandbox, TransmissionMode.NORMAL)
    await reloaded(paired)
    assert await paired.run("async (id) => (await WPP.chat.getMessageById(id)).ack", key) == 0
    sandbox.world.set_link(up=False)
    sandbox.world.set_link(up=True)
    await paired.until(f"() => ({STATE})()[1] === 'CONNECTED'")
    assert sandbox.world.state.sent == {}  # the page that loaded does not send it
    assert await paired.run(RESEND, key) == "OK"
    [sent] = sandbox.world.state.sent.values()
    assert (sent.key, sent.deliveries) == (key, 1)


@pytest.mark.parametrize(
    ("mode", "code", "result", "failure", "delivered"),
    [
        (TransmissionMode.REFUSE, 463, "ERROR_UNKNOWN", [-1, True, 463], 0),
        (TransmissionMode.FAIL, 0, "ERROR_NETWORK", [0, True, None], 0),
        (TransmissionMode.BREAK, 0, "ERROR_UNKNOWN", [0, True, None], 1),
    ],
)
async def test_a_message_that_fails_says_how(
    *,
    sandbox: Sandbox,
    paired: Tab,
    mode: TransmissionMode,
    code: int,
    result: str,
    failure: list[object],
    delivered: int,
) -> None:
    quiet = sandbox.world.state.settings.receipts.model_copy(update={"device_ms": None, "read_ms": None})
    changes = {"refusal_code": code or 403, "receipts": quiet}
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update=changes))
    sending(sandbox, mode)
    key = await paired.reserve(ANA)
    answer = await paired.send(ANA, "no", key)
    assert answer["sendMsgResult"]["messageSendResult"] == result
    assert await paired.run(FAILURE, key) == failure
    assert len(sandbox.world.state.sent) == delivered
    await reloaded(paired)
    assert await paired.run(FAILURE, key) == failure  # it is in the database


async def test_a_message_to_a_blocked_contact_is_not_sent(sandbox: Sandbox, paired: Tab) -> None:
    contact = sandbox.world.directory.contact(ANA)
    assert contact is not None
    sandbox.world.directory.add_contact(contact.model_copy(update={"blocked": True}))
    await paired.until("(id) => WPP.whatsapp.ContactStore.get(id)", ANA)
    key = await paired.reserve(ANA)
    script = "([chat, key]) => WPP.chat.sendTextMessage(chat, 'no', {messageId: key}).then(() => null, (e) => e.name)"
    assert await paired.run(script, [ANA, key]) == "ContactBlockedError"
    assert sandbox.world.state.sent == {}


async def test_a_page_that_is_replaced_stays_as_it_is_without_a_connection(sandbox: Sandbox, paired: Tab) -> None:
    sandbox.world.faults.replace()
    await paired.until(f"() => ({STATE})().join() === 'CONNECTED,DISCONNECTED,MAIN'")
    message = sandbox.world.incoming(ANA, "mientras tanto")
    sandbox.world.set_link(up=False)
    sandbox.world.set_link(up=True)
    await asyncio.sleep(1.5)  # longer than its pause before an attempt
    assert await paired.run(STATE) == ["CONNECTED", "DISCONNECTED", "MAIN"]
    takeover = "() => {try {WPP.whatsapp.Socket.takeover()} catch (error) {return error.message}}"
    assert await paired.run(takeover) == "Takeover called without conflict!"
    assert await paired.run("(id) => Boolean(WPP.whatsapp.MsgStore.get(id))", message.key) is False
    await reloaded(paired)
    assert await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.body", message.key) == "mientras tanto"


async def test_a_refused_connection_is_announced_and_changes_no_state(sandbox: Sandbox, paired: Tab) -> None:
    await paired.run(
        "() => {globalThis.refusals = []; for (const name of ['account_temporarily_banned_from_bridge',"
        " 'service_unavailable_503_from_bridge']) WPP.whatsapp.Cmd.on(name, (ban) => refusals.push([name, ban?.code]))}"
    )
    sandbox.world.faults.block(BlockReason.TEMPORARY_BAN)
    await paired.until("() => refusals.some(([name, code]) => name.includes('banned') && code === 101)")
    assert await paired.run(STATE) == ["OPENING", "DISCONNECTED", "MAIN"]
    sandbox.world.faults.block(BlockReason.SERVICE_UNAVAILABLE)
    await paired.until("() => refusals.some(([name]) => name.includes('503'))")
    sandbox.world.faults.block(None)
    await paired.until(f"() => ({STATE})().join() === 'CONNECTED,CONNECTED,MAIN'")


async def test_a_page_that_has_expired_reloads_itself(sandbox: Sandbox, paired: Tab) -> None:
    loads: list[str] = []
    paired.page.on("framenavigated", lambda frame: loads.append(frame.url))
    sandbox.world.faults.block(BlockReason.CLIENT_EXPIRED)
    async with asyncio.timeout(10):
        while len(loads) < 2:  # noqa: ASYNC110 - the page's own reloads
            await asyncio.sleep(0.05)
    sandbox.world.faults.block(None)
    await paired.usable()


@pytest.mark.parametrize("by_phone", [True, False])
async def test_after_a_log_out_the_page_shows_a_code_again(sandbox: Sandbox, paired: Tab, by_phone: bool) -> None:
    [device] = sandbox.world.linking.devices
    logged_out = asyncio.Event()
    paired.page.on("framenavigated", lambda frame: logged_out.set() if "post_logout=1" in frame.url else None)
    if by_phone:
        sandbox.world.linking.log_out(device)
    else:
        await paired.run("() => {void WPP.conn.logout()}")
    async with asyncio.timeout(10):
        await logged_out.wait()
    await paired.until("async () => WPP.isFullReady && (await WPP.conn.getAuthCode())?.ref")
    assert await paired.run("() => [localStorage.length, WPP.conn.isAuthenticated()]") == [0, False]
    assert sandbox.world.linking.devices == {}


async def test_a_device_logged_out_while_closed_notices_at_its_next_load(sandbox: Sandbox, paired: Tab) -> None:
    [device] = sandbox.world.linking.devices
    await paired.page.goto("about:blank")
    sandbox.world.linking.log_out(device)
    await paired.page.goto(sandbox.url)
    await paired.until("async () => WPP.isFullReady && (await WPP.conn.getAuthCode())?.ref")
    assert await paired.run("() => WPP.conn.isAuthenticated()") is False


async def test_a_device_logged_out_while_the_link_is_down_notices_when_it_is_up(sandbox: Sandbox, paired: Tab) -> None:
    [device] = sandbox.world.linking.devices
    sandbox.world.set_link(up=False)
    await paired.until(f"() => ({STATE})()[0] === 'OPENING'")
    sandbox.world.linking.log_out(device)
    assert await paired.run("() => WPP.conn.isAuthenticated()") is True
    sandbox.world.set_link(up=True)
    await paired.until("async () => WPP.isFullReady && (await WPP.conn.getAuthCode())?.ref")


async def test_login_and_messages_survive_a_restart_of_the_sandbox(open_profile: OpenProfile, tmp_path: Path) -> None:
    state = tmp_path / "state" / "sandbox.json"
    async with Sandbox(state_path=state, auto_scan=True) as first:
        port = int(first.url.rsplit(":", 1)[1].strip("/"))
        tab = Tab((await open_profile()).pages[0])
        await tab.page.goto(first.url)
        await tab.usable()
        key = await tab.reserve(ANA)
        await tab.send(ANA, "antes", key)
    # The page stays open: to it, a stopped sandbox looks like a link that is down.
    await tab.until(f"() => ({STATE})()[1] !== 'CONNECTED'")
    async with Sandbox(port=port, state_path=state, auto_scan=True) as second:
        await tab.until(f"() => ({STATE})()[1] === 'CONNECTED'")
        live = second.world.incoming(ANA, "después")
        await tab.event("chat.new_message", id=live.key)
        assert second.world.message(key) is not None
        [device] = second.world.linking.devices
        second.world.linking.log_out(device)
        await tab.until("async () => WPP.isFullReady && (await WPP.conn.getAuthCode())?.ref")
        assert second.world.linking.devices == {}
