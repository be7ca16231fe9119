"""The panel in a real browser on a real bridge, at the size of a desk and of a phone."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page, ViewportSize, expect

from bridge.contract.jid import Jid
from bridge.contract.session import SessionState
from bridge.http.limits import HttpLimits
from bridge.ports import Scope
from tests.http.conftest import ANA, BETO, HttpBridge
from tests.http.panel.pages import DESK, PHONE, OpenPanel, after
from tests.http.receiver import Answer, Receiver
from tests.http.test_access import key_for
from tests.loopback import http_client
from tests.pictures import check_accessible, picture

SECTIONS = ["sessions", "messages", "people", "groups", "outbox", "listeners", "charts", "access"]
SECTIONS += ["mqtt", "log", "settings", "api"]
KEY = "the-legacy-key"
#: As a browser does when another tab is shown, and this one again.
VISIBLE = """(shown) => {
    Object.defineProperty(document, 'hidden', { value: !shown, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
PICTURE = Path(__file__).parents[2] / "samples" / "red.png"


async def _go(page: Page, section: str) -> None:
    await page.locator(f'nav a[href="#{section}"]').click()
    await expect(page.locator("main h1")).to_be_visible()


async def _answers_to(page: Page, button: str) -> None:
    """Press the confirming button of the dialog."""
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("phone", PHONE, "dark")])
async def test_every_section_is_accessible_and_fits_the_window(
    started: HttpBridge, receiver: Receiver, open_panel: OpenPanel, name: str, size: ViewportSize, scheme: str
) -> None:
    started.phone.missing.add(Jid.parse(BETO))
    started.phone.answers |= {f"{name}.list": {name: [], "next": None} for name in ("contacts", "groups")}
    async with started.client() as client:
        receiver.answers = [Answer(410)]
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
        started.phone.incoming(ANA, "¿Tienen stock?", notify_name="Ana")
        await started.journalled(1)
        for to in (ANA, BETO):
            await client.post("/v1/sessions/haby/sends?wait=5", json={"to": to, "message": "Sí, hay."})
    page = await open_panel(started, size=size, scheme=scheme, locale="es-AR")
    for section in SECTIONS:
        await _go(page, section)
        await page.wait_for_load_state("networkidle") if section == "charts" else None
        await check_accessible(page, section)
        await picture(page, f"panel-{name}-{section}")
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{section} is wider than the window by {wide} pixels"


async def test_a_paired_phone_replaces_the_qr_code_by_the_state(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    page = await open_panel(side)
    code = page.get_by_role("img", name="QR code of haby")
    await expect(code).to_be_visible()
    assert await code.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 300
    before = await code.get_attribute("src")
    side.phone.rotate_code()
    await expect(code).not_to_have_attribute("src", str(before))
    await picture(page, "panel-pairing")
    side.phone.pair()
    await expect(code).to_be_hidden()
    await expect(page.get_by_role("article", name="haby")).to_contain_text("Connected")


async def test_messages_arrive_live_and_sends_show_their_ticks(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    await expect(page.get_by_text("Waiting for messages…")).to_be_visible()
    await picture(page, "panel-nothing-yet")
    started.phone.incoming(ANA, "hola <img src=x onerror=alert(1)>", notify_name="Ana")
    chats = page.get_by_role("list", name="Chats").get_by_role("listitem")
    await expect(chats.first).to_contain_text("hola <img src=x onerror=alert(1)>")
    await expect(chats.first.get_by_label("1 unread")).to_be_visible()
    second = started.phone.history[-1].timestamp
    for text in ("mismo segundo, primero", "mismo segundo, después"):
        started.phone.incoming(ANA, text, timestamp=second)
    started.phone.incoming(BETO, "¿Hay stock?")
    await expect(chats).to_have_count(2)
    await chats.filter(has_text="Ana").click()
    log = page.get_by_role("log")
    await expect(log.locator(".bubble .text")).to_have_text(
        [re.compile("hola"), re.compile("primero"), re.compile("después")]
    )
    await expect(chats.filter(has_text="Ana").locator(".count")).to_be_hidden()
    await log.get_by_role("button", name="Reply").first.click()
    await page.keyboard.type("¡Hola, Ana!")
    await page.keyboard.press("Enter")
    await expect(log.locator(".mine")).to_contain_text("sent")
    (sent,) = started.phone.sent
    assert sent.modifiers.reply_to == str(started.phone.history[0].key)
    started.phone.acknowledge(sent.key.id, 3)
    await expect(log.locator(".mine")).to_contain_text("read")
    await page.evaluate(VISIBLE, False)
    for number in range(60):
        started.phone.incoming(ANA, f"oculto {number}")
    await started.journalled(64)
    await page.evaluate(VISIBLE, True)
    await expect(log.locator(".bubble .text", has_text="oculto")).to_have_count(60)
    await page.get_by_label("Find a chat").fill("stock")
    await expect(chats).to_have_count(1)
    await _go(page, "outbox")
    await page.reload()
    await expect(page.get_by_role("article")).to_contain_text("Ana · +54 9 11 5550-0001")


async def test_a_new_chat_is_begun_by_number(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    await page.get_by_role("button", name="New chat").click()
    await page.get_by_label("To (number)").fill("+54 9 11 5550-0002")
    await page.get_by_label("Message", exact=True).fill("Buen día")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log").locator(".mine")).to_contain_text("Buen día")
    await expect(page.get_by_label("To (number)")).to_be_hidden()
    assert [sent.text for sent in started.phone.sent] == ["Buen día"]


async def test_files_are_sent_with_a_caption(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.incoming(ANA, "¿Me mandás el presupuesto?", notify_name="Ana")
    page = await open_panel(started, at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach files").click()
    await (await chooser.value).set_files(
        [
            FilePayload(name="foto.png", mimeType="image/png", buffer=PICTURE.read_bytes()),
            FilePayload(name="presupuesto.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7\n1 0 obj"),
            FilePayload(name="sobra.txt", mimeType="text/plain", buffer=b"no"),
        ]
    )
    await page.get_by_role("button", name="Leave out sobra.txt").click()
    await page.get_by_label("Message", exact=True).fill("Acá va")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log").locator(".mine")).to_have_count(2)
    await expect(page.get_by_text("presupuesto.pdf ·")).to_be_hidden()
    first, second = started.phone.sent
    assert (first.content.kind, first.content.value["caption"]) == ("image", "Acá va")
    assert (second.content.kind, second.content.value["filename"]) == ("document", "presupuesto.pdf")


async def test_the_history_of_a_chat_is_read_from_whatsapp(started: HttpBridge, open_panel: OpenPanel) -> None:
    older = [started.phone.incoming(ANA, f"viejo {number}") for number in range(3)]
    started.phone.answers["chats.list"] = {
        "chats": [{"chat": ANA, "name": "Ana", "group": False, "unread": 0, "at": 1, "last": older[-1]}],
        "next": None,
    }
    started.phone.answers["chats.history"] = {"chat": ANA, "messages": older, "complete": True}
    page = await open_panel(started, at="#messages")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    texts = page.get_by_role("log").locator(".bubble .text")
    await expect(texts).to_have_text(["viejo 0", "viejo 1", "viejo 2"])
    held = asyncio.Event()
    await page.route("**/requests/chats.history", partial(after, held))
    started.phone.incoming(BETO, "el último")
    await page.get_by_role("listitem").filter(has_text="viejo").click()
    await page.get_by_role("listitem").filter(has_text="el último").click()
    async with page.expect_request(lambda request: BETO in (request.post_data or "") and "history" in request.url):
        held.set()


async def test_a_message_from_before_the_section_was_opened_is_shown(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started)
    await expect(page.get_by_role("article", name="haby")).to_contain_text("Connected")
    started.phone.incoming(ANA, "justo antes")
    await started.journalled(1)
    await _go(page, "messages")
    await expect(page.get_by_role("list", name="Chats")).to_contain_text("justo antes")


async def test_a_message_of_another_kind_shows_the_name_of_its_kind(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#messages")
    started.phone.incoming(ANA, "Voy en camino", type="location", variant="live_location")
    started.phone.incoming(ANA, "", type="unknown", raw={"subtype": "phone_only_feature"})
    started.phone.incoming(ANA, "Panadería Sol\n¿Hay para hoy?", type="order")
    await page.get_by_role("list", name="Chats").get_by_role("listitem").click()
    texts = page.get_by_role("log").locator(".bubble .text")
    shown = ["📱 Message that only the phone shows", "🛒 Order: Panadería Sol\n¿Hay para hoy?"]
    await expect(texts).to_have_text(["📍 Live location: Voy en camino", *shown])


async def test_a_failed_send_shows_what_to_do(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.missing.add(Jid.parse(BETO))
    async with started.client() as client:
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": BETO, "message": "hola"})
    page = await open_panel(started, at="#outbox")
    await page.get_by_role("button", name="Failed").click()
    await expect(page.get_by_text("Check the number")).to_be_visible()
    started.phone.missing.clear()
    await page.get_by_role("button", name="Send again").click()
    await _answers_to(page, "Send again")
    await expect(page.locator(".tick.sent")).to_have_count(1)


async def test_a_failed_location_is_sent_again_as_a_location(started: HttpBridge, open_panel: OpenPanel) -> None:
    place = {"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"}
    started.phone.missing.add(Jid.parse(BETO))
    async with started.client() as client:
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": BETO, "location": place})
    page = await open_panel(started, at="#outbox")
    await expect(page.get_by_text("📍 Obelisco")).to_be_visible()
    started.phone.missing.clear()
    await page.get_by_role("button", name="Send again").click()
    await _answers_to(page, "Send again")
    await expect(page.locator(".tick.sent")).to_have_count(1)
    assert [sent.content.as_field() for sent in started.phone.sent] == [{"location": place}]


async def test_restart_close_and_start_are_confirmed(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    card = page.get_by_role("article", name="haby")
    await card.get_by_role("button", name="Stop").click()
    await picture(page, "panel-asks")
    await _answers_to(page, "Cancel")
    await expect(card).to_contain_text("Connected")
    await card.get_by_role("button", name="Stop").click()
    await _answers_to(page, "Stop")
    await expect(card).to_contain_text("Stopped on request")
    await picture(page, "panel-closed")
    await card.get_by_role("button", name="Start").click()
    await expect(card).to_contain_text("Connected")
    await card.get_by_role("button", name="Restart").click()
    await _answers_to(page, "Restart")
    await expect(card).to_contain_text("Connected")
    await _go(page, "access")
    await expect(page.get_by_role("main")).to_contain_text("restart")


async def test_a_dead_letter_is_delivered_again_and_a_webhook_paused(
    started: HttpBridge, receiver: Receiver, open_panel: OpenPanel
) -> None:
    receiver.answers.append(Answer(410))
    page = await open_panel(started, at="#listeners")
    await page.get_by_role("button", name="Add a webhook").click()
    await page.get_by_label("URL").fill(receiver.url)
    await _answers_to(page, "Add")
    await expect(page.get_by_role("dialog")).to_contain_text("secret")
    await _answers_to(page, "Close")
    started.phone.incoming(ANA, "uno")
    await expect(page.get_by_text("It answered 410.").first).to_be_visible()
    await page.get_by_role("button", name="Deliver again").click()
    await expect(page.get_by_text("Delivered.", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Deliver again")).to_be_hidden()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator(".badge")).to_have_text("paused")
    started.phone.incoming(ANA, "dos")
    await started.journalled(2)
    await page.goto("about:blank")  # it would ask the bridge that is stopped
    await started.stop()
    assert receiver.bodies == ["uno", "uno"]  # a stop lets posts finish, so nothing else was posted
    await started.start()  # and a pause outlives the bridge
    await page.goto(f"{started.url}/#listeners")
    await page.get_by_role("button", name="Resume").click()
    await receiver.got(3)
    assert receiver.bodies[2] == "dos"
    await expect(page.locator(".badge")).to_have_text("works")


async def test_a_refresh_of_the_times_keeps_a_button_that_is_being_pressed(
    started: HttpBridge, receiver: Receiver, open_panel: OpenPanel
) -> None:
    receiver.answers.append(Answer(503, {"Retry-After": "50"}))
    async with started.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
    started.phone.incoming(ANA, "uno")
    page = await open_panel(started, at="#listeners")
    due = page.locator(".facts time").last
    await expect(due).to_contain_text("sec")
    before = await due.inner_text()
    await page.get_by_role("button", name="Pause").hover()
    await page.mouse.down()
    await expect(due).not_to_have_text(before)
    await page.mouse.up()
    await expect(page.locator(".badge")).to_have_text("paused")


async def test_login_by_key_and_no_change_without_the_csrf_token(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"api_key": KEY}
    await side.start()
    page = await open_panel(side, locale="es-AR", expected="401")
    await picture(page, "panel-login")
    await page.get_by_label("Clave de API").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Esta clave no es válida.")
    await page.get_by_label("Clave de API").fill(KEY)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("article", name="haby")).to_contain_text("Conectada")
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    headers = {"cookie": f"{cookie['name']}={cookie['value']}"}
    async with side.client(headers=headers) as client:
        assert (await client.get("/v1/sessions")).status_code == 200
        assert (await client.post("/v1/sessions/haby/control", json={"action": "close"})).status_code == 403
        wrong = {"x-csrf-token": "x"}
        assert (await client.post("/v1/keys", json={"name": "x"}, headers=wrong)).status_code == 403
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("article", name="haby")).to_contain_text("Connected")
    await page.reload()
    await expect(page.get_by_role("heading", name="Sessions")).to_be_visible()  # language and login are kept
    await page.get_by_role("button", name="Log out", exact=True).click()
    await expect(page.get_by_label("API key")).to_be_visible()
    async with side.client(headers=headers) as client:
        assert (await client.get("/v1/sessions")).status_code == 401


async def test_a_link_logs_in_once(side: HttpBridge, open_panel: OpenPanel) -> None:
    side.given |= {"api_key": KEY}
    side.login_link = "the-token"
    await side.start()
    page = await open_panel(side)
    await expect(page.get_by_label("API key")).to_be_visible()
    await page.evaluate("location.hash = '#link=the-token'")  # as it is pasted into a page that is open
    await expect(page.get_by_role("article", name="haby")).to_be_visible()
    assert "token" not in page.url
    other = await open_panel(side, at="#link=the-token", expected="401")
    await expect(other.get_by_role("alert")).to_contain_text("was used")


async def test_a_key_is_created_used_and_revoked(side: HttpBridge, open_panel: OpenPanel) -> None:
    await side.start()
    page = await open_panel(side, at="#access")
    log_out = page.get_by_role("button", name="Log out", exact=True)
    await expect(page.get_by_role("heading", name="Access")).to_be_visible()
    await expect(log_out).to_be_hidden()  # no login is needed here yet
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name").fill("node-red")
    await _answers_to(page, "Create")
    key = await page.locator("#made-key").text_content()
    await _answers_to(page, "Close")
    await expect(log_out).to_be_visible()
    assert key is not None
    async with side.client() as client:
        assert (await client.get("/v1/sessions")).status_code == 401  # now every program needs a key
        assert (await client.get("/v1/sessions", headers={"x-api-key": key})).status_code == 200
    await page.get_by_role("button", name="Revoke node-red").click()
    await _answers_to(page, "Revoke")
    await expect(page.get_by_role("table").first).to_contain_text("revoked")
    async with side.store() as store:
        (stored,) = await store.access.keys()
    assert stored.revoked_at is not None


async def test_a_revoked_key_ends_its_login(side: HttpBridge) -> None:
    side.given |= {"api_key": KEY}
    side.limits = replace(side.limits, http=HttpLimits(key_cache=0.0))
    await side.start()
    key = await key_for(side, Scope.LISTEN)
    async with side.client() as client:
        assert (await client.post("/panel/login", headers={"x-api-key": key})).status_code == 200
        assert (await client.get("/v1/sessions")).status_code == 200  # by the cookie
        async with side.store() as store:
            (stored,) = await store.access.keys()
            await store.access.revoke_key(stored.id, side.clock.now())
        assert (await client.get("/v1/sessions")).status_code == 401


async def test_health_readiness_metrics_and_charts_agree(started: HttpBridge) -> None:
    started.phone.incoming(ANA, "uno")
    await started.journalled(1)
    async with http_client(started.url) as client:
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": ANA, "message": "dos"})
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["connected"], ready.json()["on_mqtt"]) == (503, 1, 0)  # no broker here
        text = (await client.get("/metrics")).text
        history = (await client.get("/v1/sessions/haby/history")).json()["buckets"]
    assert 'wa_received_total{kind="chat",session="haby",stream="in"} 1.0' in text
    assert 'wa_sends_total{code="",session="haby",state="sent"} 1.0' in text
    assert 'wa_session_state{session="haby",state="connected"} 1.0' in text
    assert 'wa_step_duration_seconds_count{session="haby",step="send"} 1.0' in text
    assert 'wa_mqtt_lag{session="haby",stream="in"} 1.0' in text
    assert ANA.partition("@")[0] not in text
    assert sum(one["received"] for one in history) == 1
    assert sum(one["sent"] for one in history) == 1
