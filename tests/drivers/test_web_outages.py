"""The web driver recovers from crashes, kills, silence, and an unreachable or changed site."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest
from playwright.async_api import BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError
from typing_extensions import override

from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.processes import browser_of, of_profile, playwright_drivers
from bridge.drivers.web.profile import LOCK
from bridge.ports import CallInDoubt, DriverUnavailable, WhatsAppDriver
from bridge.sandbox import Sandbox
from tests.drivers.recording import RecordingSink, running
from tests.drivers.worlds import ANA, LIMITS, SystemClock, WebWorld, connected, page_of

#: A page that hangs is detected sooner than in production.
SHORT_TIMEOUTS = replace(LIMITS, silence=2.0, call=1.0, send=1.0, close=1.0)
#: So little that a script that needs more is ended immediately, without effect on the machine.
LITTLE_MEMORY = "--js-flags=--max-old-space-size=96"
OUT_OF_MEMORY = "() => { const all = []; for (;;) all.push(new Array(1e6).fill({}).map(() => ({}))); }"


async def back_after_loss(web: WebWorld, driver: WhatsAppDriver, sink: RecordingSink, seen: int, why: str) -> None:
    """The loss was reported; the page is up again and logged in, and has the message from meanwhile."""
    lost = await sink.until_state(SessionState.RECONNECTING, since=seen)
    assert lost.reason is Reason.PAGE_LOST
    assert why in (lost.detail or "")
    web.incoming(ANA, "meanwhile")
    await sink.until_state(SessionState.CONNECTED, since=seen)
    bodies = [m.body async for batch in driver.collect({}, 0) for m in batch]
    assert bodies[-1] == "meanwhile"
    await driver.resume()
    web.incoming(ANA, f"after: {why}")
    await sink.until(lambda: f"after: {why}" in [m.body for m in sink.messages])


async def crash(web: WebWorld, driver: WhatsAppDriver) -> None:
    await page_of(driver).goto("chrome://crash")


async def kill_renderer(web: WebWorld, driver: WhatsAppDriver) -> None:
    marks = of_profile(web.profile)
    renderers = [psutil.Process(mark.pid) for mark in marks if is_renderer(psutil.Process(mark.pid))]
    assert renderers
    for process in renderers:
        process.kill()


async def run_out_of_memory(web: WebWorld, driver: WhatsAppDriver) -> None:
    await page_of(driver).evaluate(OUT_OF_MEMORY)


def is_renderer(process: psutil.Process) -> bool:
    return "--type=renderer" in " ".join(process.cmdline())


async def test_pages_that_never_complete_a_catch_up_are_paused(web: WebWorld) -> None:
    driver = web.web_driver(limits=replace(LIMITS, restarts=2, restart_pause=30))
    async with connected(web, driver) as (_, sink):
        for _ in range(3):  # after a catch-up, a reload does not count against the budget
            seen = len(sink.situations)
            await driver.reload()
            await sink.until_state(SessionState.CONNECTED, since=seen)
            await driver.resume()
        for _ in range(3):  # the first one does not count either
            seen = len(sink.situations)
            await driver.reload()
            await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.reload()
        await sink.until_state(SessionState.ERROR)
        assert sink.situations[-1].reason is Reason.TOO_MANY_RESTARTS


async def test_a_page_that_crashes_or_is_killed_comes_back_until_the_restart_budget_is_exceeded(
    web: WebWorld,
) -> None:
    limits = replace(LIMITS, restarts=2, restart_pause=0.3)
    async with connected(web, web.web_driver(limits=limits, browser_args=(LITTLE_MEMORY,))) as (driver, sink):
        for fault in (crash, kill_renderer):
            seen = len(sink.situations)
            doing = asyncio.create_task(fault(web, driver), name="fault")
            await back_after_loss(web, driver, sink, seen, "crashed")
            await asyncio.wait([doing])
            with suppress(PlaywrightError):
                doing.result()
        seen, began = len(sink.situations), time.monotonic()
        with pytest.raises(PlaywrightError):
            await run_out_of_memory(web, driver)
        given_up = await sink.until_state(SessionState.ERROR, since=seen)
        assert given_up.reason is Reason.TOO_MANY_RESTARTS
        assert time.monotonic() - began < 10
        await sink.until_state(SessionState.CONNECTED, since=seen)  # after the pause


async def test_a_browser_that_is_killed_or_neither_answers_nor_ends_is_replaced(web: WebWorld) -> None:
    async with connected(web):
        pass  # Chromium writes a new login after seconds, or when it ends: if it is killed before, the login is lost
    driver = web.web_driver(limits=SHORT_TIMEOUTS)
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        for how, why in ((signal.SIGKILL, "closed"), (signal.SIGSTOP, "silent for 2 s")):
            seen = len(sink.situations)
            browser = browser_of(web.profile)
            assert browser is not None
            assert json.loads((web.profile / LOCK).read_text()) == {"pid": browser.pid, "started": browser.started}
            os.kill(browser.pid, how)
            await back_after_loss(web, driver, sink, seen, why)
            assert not browser.is_alive


@pytest.mark.parametrize("after", [0.0, 0.3])
async def test_a_browser_that_dies_while_it_starts_is_started_again(web: WebWorld, after: float) -> None:
    async with running(web.web_driver()) as sink:
        while (browser := browser_of(web.profile)) is None:  # noqa: ASYNC110 - another program's start gives no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(after)
        os.kill(browser.pid, signal.SIGKILL)
        await sink.until(lambda: sink.codes)
        assert not browser.is_alive


async def test_a_page_that_hangs_is_in_doubt_then_replaced(web: WebWorld) -> None:
    driver = web.web_driver(limits=SHORT_TIMEOUTS)
    async with connected(web, driver) as (_, sink):
        key = await driver.reserve(Jid.parse(ANA))
        seen = len(sink.situations)
        hang = asyncio.create_task(page_of(driver).evaluate("() => { for (;;); }"), name="hang")
        await asyncio.sleep(0)
        with pytest.raises(CallInDoubt, match="no answer to send within 1 s"):
            await driver.send(key, Text("hola"))
        await back_after_loss(web, driver, sink, seen, "silent for 2 s")
        assert (await driver.look_up(key)).ack is None
        with pytest.raises(PlaywrightError):
            await hang
    assert web.sent() == {}


#: A load of years of messages; it begins after the page's first report.
BUSY = "const until = performance.now() + 3500; while (performance.now() < until);"


async def test_a_page_that_loads_itself_again_may_be_busy_for_as_long_as_at_first(web: WebWorld) -> None:
    async with connected(web, web.web_driver(limits=SHORT_TIMEOUTS)) as (driver, sink):
        await page_of(driver).add_init_script(BUSY)
        seen = len(sink.situations)
        web.sandbox.world.faults.reload()
        await sink.until_state(SessionState.CONNECTED, seen)
        assert Reason.PAGE_LOST not in [situation.reason for situation in sink.situations[seen:]]


async def test_the_shared_playwright_is_replaced_when_its_driver_dies(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        seen = len(sink.situations)
        browser = browser_of(web.profile)
        assert browser is not None
        nodes = {mark.pid for mark in playwright_drivers()}  # other tests have some, too
        [node] = [
            parent for parent in psutil.Process(browser.pid).parents() if parent.pid in nodes
        ]  # tests have others
        node.kill()
        lost = await sink.until_state(SessionState.RECONNECTING, since=seen, limit=3.0)  # long before the silence limit
        assert lost.reason is Reason.PAGE_LOST
        await sink.until_state(SessionState.CONNECTED, since=seen)
        await driver.resume()
        web.incoming(ANA, "hola")
        await sink.until(lambda: sink.messages)


async def test_a_playwright_that_hangs_while_the_site_loads_is_given_up(web: WebWorld) -> None:
    others = playwright_drivers()
    async with PlaywrightRuntime(limits=replace(LIMITS, node=0.5)) as own:
        await own.playwright()
        [node] = [mark for mark in playwright_drivers() if mark not in others]

        async def stop_node(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            os.kill(node.pid, signal.SIGSTOP)
            writer.close()

        async with await asyncio.start_server(stop_node, "127.0.0.1", 0) as site:
            web.runtime, url = own, f"http://127.0.0.1:{site.sockets[0].getsockname()[1]}/"
            async with running(web.web_driver(url=url, limits=replace(SHORT_TIMEOUTS, navigation=1.0))) as sink:
                lost = await sink.until_state(SessionState.RECONNECTING)
                assert (lost.reason, lost.detail) == (Reason.PAGE_LOST, "the browser does not answer")
    assert not node.is_alive


@pytest.mark.parametrize("paused", ["bridge", "machine"])
async def test_a_page_is_not_silent_for_the_time_of_a_pause(web: WebWorld, paused: str) -> None:
    limits = replace(LIMITS, silence=4.0)
    async with connected(web, web.web_driver(limits=limits)) as (_, sink):
        seen = len(sink.situations)
        frozen = [mark.pid for mark in of_profile(web.profile)] if paused == "machine" else []
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(limits.silence + 1.5)  # noqa: ASYNC251 - nothing of this process runs
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(limits.silence)
        assert sink.situations[seen:] == []


class LeapingClock(SystemClock):
    """A clock of the machine that is set again and again."""

    ahead = 0.0

    @override
    def now(self) -> float:
        self.ahead += 3600
        return super().now() + self.ahead


async def test_a_clock_that_is_set_while_the_link_drops_is_no_conflict(web: WebWorld) -> None:
    async with connected(web, web.web_driver(clock=LeapingClock())) as (_, sink):
        seen = len(sink.situations)
        web.link(up=False)
        await sink.until_state(SessionState.RECONNECTING, seen)
        await asyncio.sleep(5 * LIMITS.report)
        web.link(up=True)
        await sink.until_state(SessionState.CONNECTED, seen)
        assert SessionState.CONFLICT not in sink.states[seen:]


async def test_a_browser_that_stops_while_its_page_is_trimmed_is_replaced(
    web: WebWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = BrowserContext.new_cdp_session

    async def begin_and_stop(context: BrowserContext, page: Page) -> CDPSession:
        session = await begin(context, page)
        browser = browser_of(web.profile)
        assert browser is not None
        os.kill(browser.pid, signal.SIGSTOP)
        return session

    monkeypatch.setattr(BrowserContext, "new_cdp_session", begin_and_stop)
    limits = replace(SHORT_TIMEOUTS, memory=0.3, idle=0.5, trim=0.5)
    async with connected(web, web.web_driver(limits=limits)) as (_, sink):
        lost = await sink.until_state(SessionState.RECONNECTING)
        assert (lost.reason, lost.detail) == (Reason.PAGE_LOST, "the page has been silent for 2 s")


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


async def test_a_page_on_which_wa_js_does_not_boot_is_reported_as_changed(web: WebWorld) -> None:
    web.set(missing_modules=["WAWebAuthLoginState"])
    driver = web.web_driver(limits=replace(LIMITS, boot=2.0))
    async with running(driver) as sink:
        changed = await sink.until_state(SessionState.PAGE_CHANGED)
        await sink.until_state(SessionState.CONNECTING, since=sink.situations.index(changed))
    assert changed.reason is Reason.MODULE_MISSING


def test_a_dead_page_is_detected_within_ten_seconds() -> None:
    limits = Limits()
    assert limits.silence <= 10
    assert limits.no_site + limits.report <= 10
