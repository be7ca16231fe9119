"""What the web driver survives: crashes, kills, silence, an unreachable site, strangers in its profile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from bridge.contract.errors import Refused
from bridge.contract.jid import Jid
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web import WebDriver
from bridge.drivers.web.executable import find_executable
from bridge.drivers.web.processes import ProcessMark, browser_of, of_profile
from bridge.drivers.web.profile import LOCK
from bridge.ports.driver import CallInDoubt, DriverUnavailable
from bridge.sandbox import Sandbox
from bridge.sandbox.records import SendMode

from .recording import RecordingSink, running
from .worlds import ANA, CARLA, CARLA_LID, DARIO, GROUP, LIMITS, MEMBER, WebWorld

pytestmark = pytest.mark.timeout(90)
#: A page that has hung is found out sooner than in production.
HASTY = replace(LIMITS, silence=4.0, call=1.0, send=1.0)


def page_of(driver: WebDriver) -> Page:
    """The page behind the driver, for what only a debugger can do to it."""
    assert driver._page is not None
    return driver._page._page


@asynccontextmanager
async def connected(web: WebWorld, driver: WebDriver | None = None) -> AsyncIterator[tuple[WebDriver, RecordingSink]]:
    driver = driver or web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        web.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        yield driver, sink


async def back_after_loss(web: WebWorld, driver: WebDriver, sink: RecordingSink, told: int, why: str) -> None:
    """The page was lost: told so, up again, logged in, and what came meanwhile is there."""
    lost = await sink.until_state(SessionState.RECONNECTING, since=told)
    assert lost.reason is Reason.PAGE_LOST
    assert why in (lost.detail or "")
    web.incoming(ANA, "meanwhile")
    await sink.until_state(SessionState.CONNECTED, since=told)
    assert len(sink.accounts) == 2
    bodies = [m.body async for batch in driver.collect({}, 0) for m in batch]
    assert bodies == ["meanwhile"]
    await driver.resume()
    web.incoming(ANA, "afterwards")
    await sink.until(lambda: "afterwards" in [m.body for m in sink.messages])


async def test_a_crashed_page_comes_back(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        told = len(sink.situations)
        crash = asyncio.create_task(page_of(driver).goto("chrome://crash"), name="crash")
        await back_after_loss(web, driver, sink, told, "crashed")
        with pytest.raises(PlaywrightError):
            await crash


async def test_a_killed_browser_comes_back(web: WebWorld) -> None:
    async with connected(web):
        pass  # Chromium writes a new login down after seconds, or when it ends: killed before, it is lost
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        told = len(sink.situations)
        browser = browser_of(web.profile)
        assert browser is not None
        assert json.loads((web.profile / LOCK).read_text()) == {"pid": browser.pid, "started": browser.started}
        os.kill(browser.pid, signal.SIGKILL)
        await back_after_loss(web, driver, sink, told, "closed")
        assert not browser.is_alive


async def test_a_page_that_hangs_is_in_doubt_then_replaced(web: WebWorld) -> None:
    driver = web.web_driver(limits=HASTY)
    async with connected(web, driver) as (_, sink):
        key = await driver.reserve(Jid.parse(ANA))
        told = len(sink.situations)
        hang = asyncio.create_task(page_of(driver).evaluate("() => { for (;;); }"), name="hang")
        await asyncio.sleep(0)
        with pytest.raises(CallInDoubt, match="no answer to send within 1 s"):
            await driver.send_text(key, "hola")
        await back_after_loss(web, driver, sink, told, "silent for 4 s")
        assert (await driver.look_up(key)).ack is None
        with pytest.raises(PlaywrightError):
            await hang
    assert web.sent() == {}


async def test_the_shared_playwright_is_replaced_when_its_driver_dies(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        told = len(sink.situations)
        nodes = [p for p in psutil.Process().children() if "playwright" in " ".join(p.cmdline())]
        assert nodes
        for node in nodes:
            node.kill()
        await sink.until_state(SessionState.CONNECTED, since=told)
        await driver.resume()
        web.incoming(ANA, "hola")
        await sink.until(lambda: sink.messages)


async def test_an_unreachable_site_is_tried_until_it_answers(web: WebWorld) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    driver = web.web_driver(url=f"http://127.0.0.1:{port}/")
    async with running(driver) as sink:
        unreachable = await sink.until_state(SessionState.UNREACHABLE)
        assert unreachable.reason is Reason.SITE_UNREACHABLE
        assert "ERR_CONNECTION_REFUSED" in unreachable.text
        with pytest.raises(DriverUnavailable):
            await driver.resolve(Jid.parse(ANA))
        async with Sandbox(port=port):
            await sink.until(lambda: sink.codes)
        assert sink.states.count(SessionState.UNREACHABLE) == 1


async def test_an_error_page_is_an_unreachable_site(web: WebWorld) -> None:
    driver = web.web_driver(url=f"{web.sandbox.url}no-such-page")
    async with running(driver) as sink:
        unreachable = await sink.until_state(SessionState.UNREACHABLE)
    assert unreachable.detail == "HTTP 404"


async def test_a_page_without_whatsapp_in_it_has_changed(web: WebWorld) -> None:
    driver = web.web_driver(url=web.sandbox.phone_url, limits=replace(LIMITS, boot=0.5))
    async with running(driver) as sink:
        changed = await sink.until_state(SessionState.PAGE_CHANGED)
        await sink.until_state(SessionState.CONNECTING, since=sink.situations.index(changed))
    assert changed.reason is Reason.MODULE_MISSING


async def test_two_bridges_on_one_profile(web: WebWorld) -> None:
    async with connected(web) as (driver, first):
        async with running(web.web_driver()) as second:
            refused = await second.until_state(SessionState.ERROR)
            assert refused.reason is Reason.PROFILE_LOCKED
        assert str(web.profile) in refused.text
        assert SessionState.CONNECTING not in second.states
        web.incoming(ANA, "hola")
        await first.until(lambda: first.messages)
        await driver.reserve(Jid.parse(ANA))


async def test_a_profile_becomes_free_and_is_taken(web: WebWorld) -> None:
    async with connected(web):
        waiting = running(web.web_driver())
        sink = await waiting.__aenter__()
        await sink.until_state(SessionState.ERROR)
    await sink.until_state(SessionState.CONNECTED)
    await waiting.__aexit__(None, None, None)


@pytest.mark.parametrize("how", ["browser", "lock"])
async def test_a_browser_that_a_killed_bridge_left_is_ended(web: WebWorld, how: str) -> None:
    """Found by its profile, or by the record in the lock (a browser that hides its command line)."""
    web.profile.mkdir()
    if how == "browser":
        program = [str(find_executable(None)), "--no-sandbox", f"--user-data-dir={web.profile}", "about:blank"]
    else:
        program = [sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"]
    left = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.DEVNULL)
    mark = ProcessMark(left.pid, psutil.Process(left.pid).create_time())
    (web.profile / LOCK).write_text(json.dumps({"pid": mark.pid, "started": mark.started}) if how == "lock" else "")
    (web.profile / "SingletonLock").symlink_to("another-host-4711")
    (web.profile / "SingletonCookie").symlink_to("4711")
    async with running(web.web_driver(limits=replace(LIMITS, close=1.0))) as sink:
        await sink.until(lambda: sink.codes)
        assert not mark.is_alive
        assert not (web.profile / "SingletonLock").is_symlink()
        assert stat.S_IMODE(web.profile.stat().st_mode) == 0o700
    await left.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_after_a_killed_bridge_the_next_one_takes_over_with_the_login(web: WebWorld, how: signal.Signals) -> None:
    async with connected(web):
        pass
    bridge = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.drivers.driving_program",
        web.sandbox.url,
        str(web.profile),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert bridge.stdout is not None
    while await bridge.stdout.readline() != b"connected\n":
        pass
    left = of_profile(web.profile)
    assert left
    bridge.send_signal(how)
    await bridge.wait()
    web.incoming(ANA, "meanwhile")
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        assert not any(mark.is_alive for mark in left)
        assert sink.codes == []
        assert [m.body async for batch in driver.collect({}, 0) for m in batch] == ["meanwhile"]


async def test_a_process_that_took_over_a_recorded_pid_is_left_alone(web: WebWorld) -> None:
    web.profile.mkdir()
    (web.profile / LOCK).write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    async with running(web.web_driver()) as sink:
        await sink.until(lambda: sink.codes)


async def test_a_browser_that_ends_at_once_says_why(web: WebWorld, tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo Chromium 1.2.3.4\necho no libnss3.so >&2; exit 1\n')
    broken.chmod(0o755)
    async with running(web.web_driver(executable=str(broken))) as sink:
        failed = await sink.until_state(SessionState.ERROR)
        assert failed.reason is Reason.BROWSER_FAILED
        assert "no libnss3.so" in failed.text


async def test_no_browser(web: WebWorld) -> None:
    async with running(web.web_driver(executable="no-such-browser")) as sink:
        failed = await sink.until_state(SessionState.ERROR)
        assert failed.reason is Reason.BROWSER_FAILED
        assert "WA_BROWSER" in failed.text


async def test_a_profile_that_cannot_be_written(web: WebWorld, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    web.profile = tmp_path / "file" / "profile"
    async with running(web.web_driver()) as sink:
        failed = await sink.until_state(SessionState.ERROR)
    assert str(web.profile) in failed.text


async def test_stopping_while_the_browser_starts_leaves_none(web: WebWorld) -> None:
    run = asyncio.create_task(web.web_driver().run(RecordingSink()), name="driver")
    async with asyncio.timeout(20):
        while not of_profile(web.profile):  # noqa: ASYNC110 - another program's start gives no event
            await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert of_profile(web.profile) == []


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


async def test_codes_that_ran_out_are_asked_for_anew(web: WebWorld) -> None:
    world = web.sandbox.world
    world.configure(world.state.settings.model_copy(update={"ref_ttl_ms": 300, "refs_before_idle": 2}))
    async with running(web.web_driver()) as sink:
        await sink.until(lambda: any(s.reason is Reason.QR_EXPIRED for s in sink.situations))
        shown = len(sink.codes)
        await sink.until(lambda: any(sink.codes[shown:]))
        assert sink.states[-1] is SessionState.PAIRING


async def test_a_message_that_cannot_be_decrypted_yet_is_told_when_it_can(web: WebWorld) -> None:
    decrypt = """(id) => Object.assign(WPP.whatsapp.MsgStore.getModelsArray().find((msg) => msg.id.id === id),
        { body: "geheim", type: "chat" })"""
    async with connected(web) as (driver, sink):
        live = web.sandbox.world.incoming(ANA, "", kind="ciphertext").id
        web.incoming(ANA, "der nächste")
        await sink.until(lambda: sink.messages)
        assert [m.body for m in sink.messages] == ["der nächste"]
        await page_of(driver).evaluate(decrypt, live)
        await sink.until(lambda: len(sink.messages) == 2)
        assert [(m.key.id, m.body, m.type) for m in sink.messages[1:]] == [(live, "geheim", "chat")]
    missed = web.sandbox.world.incoming(ANA, "", kind="ciphertext").id
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        found = [m async for batch in driver.collect({}, 0) for m in batch]
        assert (found[-1].key.id, found[-1].type) == (missed, "ciphertext")
        await driver.resume()
        await page_of(driver).evaluate(decrypt, missed)
        await sink.until(lambda: sink.messages)
        assert [(m.key.id, m.body) for m in sink.messages] == [(missed, "geheim")]


async def test_both_addresses_of_a_person_are_told_where_they_are_known(web: WebWorld) -> None:
    async with connected(web) as (_, sink):
        web.incoming(CARLA_LID, "hola")
        web.incoming(DARIO, "hola")
        web.incoming(GROUP, "hola", MEMBER)
        await sink.until(lambda: len(sink.messages) == 3)
    known = [(m.from_pn and str(m.from_pn), m.from_lid and str(m.from_lid)) for m in sink.messages]
    assert known == [(CARLA, CARLA_LID), (None, DARIO), ("5491155500002@c.us", MEMBER)]


async def test_a_chat_that_cannot_be_read_does_not_stop_catch_up(web: WebWorld) -> None:
    for number in range(150):
        web.incoming(ANA, f"{number}")
    web.incoming(DARIO, "hola")
    async with connected(web) as (driver, _):
        await page_of(driver).evaluate(
            """() => {
              const read = WPP.chat.getMessages;
              WPP.chat.getMessages = undefined;
              Object.defineProperty(WPP.chat, "getMessages", { value: (chat, options) =>
                options.id ? Promise.reject(new Error("damaged")) : read(chat, options) });
            }"""
        )
        found = [m.body async for batch in driver.collect({}, 0) for m in batch]
    assert "hola" in found
    assert "149" in found
    assert "0" not in found  # else the damage did none, and this test proves nothing


async def test_a_send_that_the_service_refuses_for_lack_of_network_is_in_doubt(web: WebWorld) -> None:
    web.mode(SendMode.REFUSE)
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        with pytest.raises((CallInDoubt, Refused)):
            await driver.send_text(key, "hola")
        await sink.until(lambda: sink.acks(key.id))
    assert sink.acks(key.id) == [-1]


async def test_an_answer_that_is_lost_leaves_the_send_pending_and_it_is_found(web: WebWorld) -> None:
    web.mode(SendMode.LOSE_ANSWER)
    web.manual_acks()
    async with connected(web) as (driver, _):
        key = await driver.reserve(Jid.parse(ANA))
        assert await driver.send_text(key, "hola") == 0
        assert (await driver.look_up(key)).ack == 0
        # the page has it already: asked again, it does not send it again
        assert await driver.send_text(key, "hola") == 0
        assert web.sandbox.world.state.sent[key.id].transmissions == 1


async def test_acks_that_came_while_no_bridge_ran_are_told(web: WebWorld) -> None:
    web.manual_acks()
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(ANA))
        await driver.send_text(key, "hola")
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
