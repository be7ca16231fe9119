"""The page of one session: its state with the history, its code, its webhooks and its lines of the log."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Route, ViewportSize, expect

from bridge.contract.session import Reason, SessionState, Situation
from bridge.http.log_ring import LogRing
from bridge.ports import Scope
from bridge.store import open_store
from tests.http.conftest import HttpBridge
from tests.http.panel.pages import DESK, OpenPanel
from tests.http.receiver import Receiver
from tests.http.test_access import key_for
from tests.http.test_operator import log
from tests.pictures import check_accessible, picture

__all__ = ["log"]
SMALL: ViewportSize = {"width": 320, "height": 700}
HOUR = 3600.0
#: Hours before now, and what the status said from then on.
PAST = [
    (30.0, SessionState.CONNECTED, Reason.READY),
    (20.0, SessionState.RECONNECTING, Reason.LINK_DOWN),
    (19.5, SessionState.CONNECTED, Reason.READY),
    (9.0, SessionState.UNREACHABLE, Reason.SITE_UNREACHABLE),
    (7.0, SessionState.CONNECTED, Reason.READY),
    (3.0, SessionState.STOPPED, Reason.ASLEEP),
    (2.0, SessionState.OFFLINE, Reason.SHUT_DOWN),
]


async def remember(side: HttpBridge, past: list[tuple[float, SessionState, Reason]]) -> None:
    """Give the session a history, as earlier runs of the bridge have written it."""
    path, now = side.settings.session_dir("haby") / "store.db", side.clock.now()
    async with open_store(path, now=side.clock.now) as store:
        for hours, state, reason in past:
            store.states.enter(Situation(state, reason), now - hours * HOUR)


async def test_the_page_shows_state_history_webhooks_and_log(
    side: HttpBridge, log: LogRing, receiver: Receiver, open_panel: OpenPanel
) -> None:
    side.log = log
    await remember(side, PAST)
    await side.start()
    async with side.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
    page = await open_panel(side)
    await page.get_by_role("link", name="Details of haby").click()
    await expect(page.get_by_role("heading", name="haby", level=1)).to_be_visible()
    states = page.get_by_role("list", name="History of the state").get_by_role("listitem")
    await expect(states.first).to_contain_text("Connected")
    await expect(states.first).to_contain_text("just begun")
    slept = states.filter(has_text="Asleep")
    await expect(slept).to_contain_text("Stopped")
    await expect(slept).to_contain_text(re.compile(r"1 hour$"))
    await expect(states.filter(has_text="cannot be reached from this host")).to_contain_text("2 hours")
    strip = page.get_by_role("img", name=re.compile("^Last 24 hours: Connected 18 hours"))
    await expect(strip).to_be_visible()
    for piece in ("WhatsApp not reachable 2 hours", "Offline 2 hours", "Reconnecting 30 minutes"):
        assert piece in str(await strip.get_attribute("aria-label"))
    heights = {one: await strip.locator(f"rect.{one}").first.get_attribute("height") for one in ("good", "wait", "bad")}
    assert len(set(heights.values())) == 3  # seen without their colours, too
    await expect(page.get_by_role("article", name=receiver.url)).to_be_visible()
    lines = page.get_by_role("log").get_by_role("listitem")
    await expect(lines.filter(has_text="haby: connected (ready)")).to_be_visible()
    side.phone.link(up=False)
    await expect(states.first).to_contain_text("Reconnecting")
    await expect(lines.filter(has_text="haby: reconnecting (link_down)")).to_be_visible()
    side.phone.link(up=True)
    await expect(states.first).to_contain_text("Connected")
    await picture(page, "panel-session")
    await page.reload()
    await expect(page.get_by_role("heading", name="haby", level=1)).to_be_visible()
    await page.get_by_role("link", name="All sessions").click()
    await expect(page.get_by_role("heading", name="Sessions", level=1)).to_be_visible()


async def test_a_session_that_pairs_shows_its_code_on_its_page(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    page = await open_panel(side, at="#sessions/haby")
    await expect(page.get_by_role("img", name="QR code of haby")).to_be_visible()
    await picture(page, "panel-session-pairing")
    side.phone.pair()
    await expect(page.get_by_role("img", name="QR code of haby")).to_be_hidden()
    states = page.get_by_role("list", name="History of the state").get_by_role("listitem")
    await expect(states.first).to_contain_text("Connected")


async def test_older_states_come_from_further_pages(side: HttpBridge, open_panel: OpenPanel) -> None:
    turns = [(SessionState.CONNECTED, Reason.READY), (SessionState.RECONNECTING, Reason.LINK_DOWN)]
    await remember(side, [(400 - number / 2, *turns[number % 2]) for number in range(600)])
    await side.start()
    page = await open_panel(side, at="#sessions/haby")
    states = page.get_by_role("list", name="History of the state").get_by_role("listitem")
    await expect(states).to_have_count(10)
    older = page.get_by_role("button", name="Show older")
    for count in (20, 40, 80, 160, 320):
        await older.focus()
        await page.keyboard.press("Enter")
        await expect(states).to_have_count(count)
    await older.click()
    await expect(older).to_be_hidden()
    kept = await states.count()
    assert kept > 600
    side.phone.link(up=False)  # what was loaded stays
    await expect(states.first).to_contain_text("Reconnecting")
    await expect(states).to_have_count(kept + 1)


async def test_a_history_that_could_not_be_read_is_read_again_once(side: HttpBridge, open_panel: OpenPanel) -> None:
    await remember(side, PAST)
    await side.start()
    page = await open_panel(side, expected="ERR_FAILED")
    reads, released = 0, asyncio.Event()

    async def answer(route: Route) -> None:
        nonlocal reads
        reads += 1
        if reads == 1:
            await route.abort()
            return
        await released.wait()
        await route.continue_()

    await page.route("**/states?*", answer)
    await page.get_by_role("link", name="Details of haby").click()
    states = page.get_by_role("list", name="History of the state").get_by_role("listitem")
    for _ in range(3):
        async with page.expect_response("**/v1/sessions"):  # the status is the same
            pass
    assert await states.count() == 0
    released.set()
    await expect(states.first).to_contain_text("Connected")
    async with page.expect_response("**/v1/sessions"):
        pass
    assert reads == 2


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "dark"), ("small", SMALL, "dark")])
async def test_the_page_is_accessible_and_fits_the_window(
    side: HttpBridge, log: LogRing, open_panel: OpenPanel, name: str, size: ViewportSize, scheme: str
) -> None:
    side.log = log
    await remember(side, PAST)
    await side.start()
    page = await open_panel(side, size=size, scheme=scheme, locale="es-AR", at="#sessions/haby")
    await expect(page.get_by_role("img", name=re.compile("^Últimas 24 horas: Conectada"))).to_be_visible()
    await expect(page.get_by_role("log").get_by_role("listitem").first).to_be_visible()
    await check_accessible(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await picture(page, f"panel-session-{name}")
    for part in ("Historial de estados", "Webhooks", "Registro"):
        await page.get_by_role("heading", name=part, level=2).evaluate("(heading) => heading.scrollIntoView()")
        await picture(page, f"panel-session-{name}-{part.split()[0].lower()}")


async def test_the_links_lead_to_this_session_of_several(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"sessions": "haby=51,ventas=52"}
    await side.start()
    page = await open_panel(side, at="#sessions/ventas")
    await page.get_by_role("main").get_by_role("link", name="Outbox").click()
    await expect(page.locator("#session")).to_have_value("ventas")
    await page.goto(f"{side.url}/#sessions/nadie")
    await expect(page.get_by_text("This bridge has no session of this name.")).to_be_visible()


async def test_a_key_that_listens_sees_the_history_and_no_log(side: HttpBridge, open_panel: OpenPanel) -> None:
    key = await key_for(side, Scope.LISTEN)
    await side.start()
    page = await open_panel(side, at="#sessions/haby")
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("list", name="History of the state").get_by_role("listitem").first).to_be_visible()
    await expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()
    await expect(page.get_by_role("log")).to_have_count(0)
    await expect(page.get_by_role("button", name="Restart")).to_have_count(0)


async def test_a_closed_store_is_said_in_the_place_of_the_history(side: HttpBridge, open_panel: OpenPanel) -> None:
    folder = side.settings.session_dir("haby")
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    await side.start(until=None)
    page = await open_panel(side, at="#sessions/haby", expected="503")
    await expect(page.get_by_text("The session haby does not run here")).to_be_visible()


async def test_durations_have_their_two_largest_units(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR")
    script = """async (seconds) => {
        const { lasted } = await import('/panel/static/times.js');
        return seconds.map(lasted);
    }"""
    assert await page.evaluate(script, [0, 59.4, 60, 3600, 3725, 90000, 864000]) == [
        "0 segundos",
        "59 segundos",
        "1 minuto",
        "1 hora",
        "1 hora 2 minutos",
        "1 día 1 hora",
        "10 días",
    ]
