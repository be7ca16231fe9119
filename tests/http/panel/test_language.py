"""What the bridge says by a code, the panel says in the language of the page: all of it, and times and numbers too."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from bridge.contract.errors import ERRORS
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core import send_steps
from bridge.drivers.scripted import SendMode
from bridge.http import errors
from bridge.ports import Failure, PostAnswer
from bridge.store.outbox import LEFT_OPEN
from bridge.webhooks.retry_policy import describe
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.conftest import OpenPanel
from tests.pictures import picture


async def _calls(page: Page, file: str, function: str, arguments: list[Any]) -> list[str]:
    """What a function of the page's own files answers to each argument."""
    script = f"async (all) => {{ const file = await import('/panel/static/{file}'); return all.map(file.{function}); }}"
    answers: list[str] = await page.evaluate(script, arguments)
    return answers


async def test_whatever_has_a_code_is_told_in_spanish(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR")
    of_http = [one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.HttpError)]
    faults = [{"code": code, "text": "English"} for code in [*ERRORS, *of_http]]
    reasons = [{"reason": str(reason), "text": "English"} for reason in Reason]
    answers = [PostAnswer(failure=failure, detail="d") for failure in Failure]
    answers += [PostAnswer(status=status) for status in (307, 404, 500)]
    posts = [{"status": one.status, "failure": one.failure, "error": describe(one)} for one in answers]
    assert "English" not in await _calls(page, "faults.js", "fault", faults)
    assert "English" not in await _calls(page, "words.js", "reason", reasons)
    refused = Situation(SessionState.PAIRING, Reason.SCAN_QR, "WhatsApp refuses (429) that number.")
    [why] = await _calls(page, "words.js", "reason", [{"reason": str(refused.reason), "text": refused.text}])
    assert why.startswith("Escaneá")
    assert why.endswith("(WhatsApp refuses (429) that number.)")  # what the page or the system said
    told = await _calls(page, "faults.js", "post", posts)
    assert not {post["error"] for post in posts} & set(told)
    assert len(set(told)) == len(posts)


async def test_why_nobody_can_tell_what_became_of_a_send_is_said(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.send_mode, started.phone.look_up_complete = SendMode.CALL_LOST, False
    async with started.client() as client:
        sent = await client.post("/v1/sessions/haby/sends?wait=10", json={"id": "which", "to": ANA, "message": "hola"})
        assert (sent.json()["status"], sent.json()["error"]) == ("unknown", None)
        why = (await client.get("/v1/sessions/haby/sends/which")).json()["doubt"]
    page = await open_panel(started, locale="es-AR", at="#outbox")
    await expect(page.get_by_text("WhatsApp Web no lo conoce")).to_be_visible()
    await expect(page.get_by_text("Mirá el chat en el teléfono")).to_be_visible()
    every = [send_steps._NOT_FOUND, send_steps._ERROR_SHOWN, send_steps._NO_ANSWER, LEFT_OPEN]
    assert why in every
    assert len({*every, *await _calls(page, "faults.js", "doubt", every)}) == 2 * len(every)


async def test_a_webhook_that_fails_says_so_in_spanish(started: HttpBridge, open_panel: OpenPanel) -> None:
    async with started.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:9/hook"})
        started.phone.incoming(ANA, "hola")
    page = await open_panel(started, locale="es-AR", at="#listeners", expected="400")
    await expect(page.get_by_text("Ahí no escucha nadie")).to_be_visible()
    await page.get_by_role("button", name="Agregar un webhook").click()
    await page.get_by_label("Dirección").fill("http://10.0.0.1/hook")
    await page.get_by_role("dialog").get_by_role("button", name="Agregar").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("WA_CALLBACK_HOSTS dice a cuáles sí")
    await expect(page.get_by_label("Dirección")).to_have_value("http://10.0.0.1/hook")  # to be corrected
    await picture(page, "panel-refused")


async def test_numbers_are_spelled_as_people_write_them(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    spelled = {
        "5491155500001@c.us": "+54 9 11 5550-0001",
        "5493515550001": "+54 9 351 555-0001",
        "+543541550001": "+54 3541 55-0001",
        "34612345678@s.whatsapp.net": "+34 612 345 678",
        "12025550123@c.us": "+1 202 555 0123",
        "120363000000000001@g.us": "120363000000000001@g.us",
        "98765432109876@lid": "98765432109876@lid",
        "": "",
    }
    assert await _calls(page, "phones.js", "person", list(spelled)) == list(spelled.values())


async def test_a_bridge_that_is_gone_is_said_and_what_is_shown_is_old(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started, expected="ERR_CONNECTION_REFUSED")
    card = page.get_by_role("article", name="haby")
    await expect(card.locator("time").first).to_have_text("now")
    assert "20" in str(await card.locator("time").first.get_attribute("title"))  # the year of the exact time
    await started.stop()
    await expect(page.locator("#pulse")).to_contain_text("The bridge does not answer")
    await expect(page.locator("#frame")).to_have_class("frame lost")
    await picture(page, "panel-lost")
    await started.start()
    await expect(page.locator("#frame")).to_have_class("frame")
    await expect(page.locator("#pulse")).to_be_empty()
