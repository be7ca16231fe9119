"""Persistence: reloads, killed browsers, the link, lost answers, logouts, a restarted sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from playwright.async_api import BrowserContext

from bridge.sandbox import Sandbox
from bridge.sandbox.records import TransmissionMode
from tests.sandbox.conftest import Tab
from tests.sandbox.test_double import ANA, GROUP

MOMENT = "() => new Promise((done) => setTimeout(done, 20))"
OpenProfile = Callable[..., Awaitable[BrowserContext]]
STATE = "() => [WPP.whatsapp.Socket.state, WPP.conn.getStreamData().mode, WPP.conn.getStreamData().info]"
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


async def test_messages_received_while_closed_are_stored_and_not_announced(sandbox: Sandbox, paired: Tab) -> None:
    seen = sandbox.world.incoming(ANA, "vista")
    await paired.event("chat.new_message", id=seen.key)
    await paired.page.goto("about:blank")
    away = [sandbox.world.incoming(ANA, "uno"), sandbox.world.incoming(GROUP, "dos", author=ANA)]
    await paired.page.goto(sandbox.url)
    await paired.usable()
    assert await paired.run("(id) => WPP.whatsapp.MsgStore.get(id)?.body", away[1].key) == "dos"
    assert [(m["body"], m["isNewMsg"], m["history"]) for m in await paired.messages(ANA)] == [
        ("vista", False, False),
        ("uno", False, False),
    ]
    assert await paired.events("chat.new_message") == []
    live = sandbox.world.incoming(ANA, "tres")
    await paired.event("chat.new_message", id=live.key)


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
    assert await again.run("(id) => WPP.whatsapp.MsgStore.get(id)?.body", message.key) == "mientras tanto"
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
    sandbox.world.set_link(up=False)
    await paired.until(f"() => ({STATE})().join() === 'TIMEOUT,MAIN,OFFLINE'")
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
    assert await paired.run(STATE) == ["CONNECTED", "MAIN", "NORMAL"]
    assert await paired.until("() => globalThis.answered")
    [sent] = sandbox.world.state.sent.values()
    assert (sent.key, sent.transmissions, sent.deliveries) == (key, 1, 1)


async def test_a_page_that_loads_while_the_link_is_down_is_usable_when_it_is_up(sandbox: Sandbox, paired: Tab) -> None:
    sandbox.world.set_link(up=False)
    await paired.page.reload()
    await paired.until(f"() => WPP.isReady && ({STATE})().join() === 'TIMEOUT,SYNCING,OFFLINE'")
    message = sandbox.world.incoming(ANA, "mientras tanto")
    sandbox.world.set_link(up=True)
    await paired.usable()
    assert await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.body", message.key) == "mientras tanto"


async def test_a_lost_answer_leaves_the_message_in_doubt_until_a_reload(sandbox: Sandbox, paired: Tab) -> None:
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
    await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.ack === 1", key)
    [sent] = sandbox.world.state.sent.values()
    assert (sent.transmissions, sent.deliveries) == (2, 1)
    assert [m.body for m in sandbox.world.state.messages] == ["¿llegó?"]


async def test_a_message_lost_in_transit_stays_in_the_devices_database(sandbox: Sandbox, paired: Tab) -> None:
    sending(sandbox, TransmissionMode.HOLD)
    key = await paired.reserve(ANA)
    await paired.run(HANGING_SEND, [ANA, "más tarde", key])
    await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.ack === 0", key)
    await reloaded(paired)
    assert await paired.run("async (id) => (await WPP.chat.getMessageById(id)).ack", key) == 0
    assert sandbox.world.state.sent == {}
    sending(sandbox, TransmissionMode.NORMAL)
    await reloaded(paired)
    await paired.until("(id) => WPP.whatsapp.MsgStore.get(id)?.ack >= 1", key)
    [sent] = sandbox.world.state.sent.values()
    assert (sent.key, sent.deliveries) == (key, 1)


async def test_a_refused_message_ends_with_an_error(sandbox: Sandbox, paired: Tab) -> None:
    sending(sandbox, TransmissionMode.REFUSE)
    key = await paired.reserve(ANA)
    answer = await paired.send(ANA, "no", key)
    assert (answer["ack"], answer["sendMsgResult"]["messageSendResult"]) == (-1, "ERROR_NETWORK")
    assert sandbox.world.state.sent == {}


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
    await paired.until(f"() => ({STATE})()[0] === 'TIMEOUT'")
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
    await tab.until(f"() => ({STATE})()[0] !== 'CONNECTED'")
    async with Sandbox(port=port, state_path=state, auto_scan=True) as second:
        await tab.until(f"() => ({STATE})()[0] === 'CONNECTED'")
        live = second.world.incoming(ANA, "después")
        await tab.event("chat.new_message", id=live.key)
        assert second.world.message(key) is not None
        [device] = second.world.linking.devices
        second.world.linking.log_out(device)
        await tab.until("async () => WPP.isFullReady && (await WPP.conn.getAuthCode())?.ref")
        assert second.world.linking.devices == {}
