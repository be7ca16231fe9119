"""The panel has a text in the language of the page for every code of the bridge; times and numbers are localised."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

import bridge
from bridge.contract.controls import ControlAction
from bridge.contract.details import DOUBT_TEXT, Doubt, FileDetail, InvalidDetail, PasskeyDetail, RefusalDetail
from bridge.contract.errors import ERRORS
from bridge.contract.session import Reason, SessionState, Situation
from bridge.drivers.scripted import SendMode
from bridge.http import errors
from bridge.ports import Failure, PostAnswer
from bridge.settings import BridgeSettings
from bridge.webhooks.retry_policy import describe
from campaigns.settings import CampaignSettings
from responder.settings import ResponderSettings
from tests.http.conftest import ANA, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.pictures import picture


async def _calls(page: Page, file: str, function: str, arguments: list[Any]) -> list[str]:
    """The result of a function of one of the page's modules for each argument."""
    script = f"async (all) => {{ const file = await import('/panel/static/{file}'); return all.map(file.{function}); }}"
    answers: list[str] = await page.evaluate(script, arguments)
    return answers


async def test_every_code_has_a_spanish_text(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR")
    of_http = [one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.HttpError)]
    coded = [{"code": code, "text": "English"} for code in [*ERRORS, *of_http]]
    reasons = [{"reason": str(reason), "text": "English"} for reason in Reason]
    answers = [PostAnswer(failure=failure, detail="d") for failure in Failure]
    answers += [PostAnswer(status=status) for status in (307, 404, 500)]
    posts = [{"status": one.status, "failure": one.failure, "error": describe(one)} for one in answers]
    coded += [
        {"code": "invalid", "detail_code": detail, "text": "English"}
        for detail in [*InvalidDetail, *FileDetail, *RefusalDetail, *PasskeyDetail]
    ]
    shown_errors = await _calls(page, "problems.js", "errorText", coded)
    assert "English" not in shown_errors
    codes = {(error["code"], error.get("detail_code")) for error in coded}
    assert len(set(shown_errors)) == len(codes)
    doubts = [{"doubt": "English", "doubt_code": doubt} for doubt in Doubt]
    shown_doubts = await _calls(page, "problems.js", "doubtText", doubts)
    assert "English" not in shown_doubts
    assert len(set(shown_doubts)) == len(Doubt)
    waits = [{"reason": "file", "until": None, "text": "English.", "detail_code": code} for code in FileDetail]
    shown_waits = await _calls(
        page, "problems.js", "waitText", [*waits, {"reason": "file", "text": "The disk is full."}]
    )
    assert all(one.startswith("Espera su archivo (") for one in shown_waits)
    assert not any("English" in one for one in shown_waits)
    assert shown_waits[-1] == "Espera su archivo (The disk is full)"
    assert "English" not in await _calls(page, "language.js", "reasonText", reasons)
    refused = Situation(SessionState.PAIRING, Reason.SCAN_QR, "WhatsApp refuses (429) that number.")
    [why] = await _calls(page, "language.js", "reasonText", [{"reason": str(refused.reason), "text": refused.text}])
    assert why.startswith("Escaneá")
    assert why.endswith("(WhatsApp refuses (429) that number.)")  # the text of the page or the system
    shown = await _calls(page, "problems.js", "postText", posts)
    assert not {post["error"] for post in posts} & set(shown)
    assert len(set(shown)) == len(posts)


async def test_both_languages_have_the_same_keys(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    script = """async () => {
        const { english } = await import('/panel/static/texts/en.js');
        const { spanish } = await import('/panel/static/texts/es.js');
        const { campaigns } = await import('/panel/static/texts/campaigns.js');
        const { approvals } = await import('/panel/static/texts/approvals.js');
        const { operator } = await import('/panel/static/texts/operator.js');
        const { WORDS } = await import('/panel/static/language.js');
        const inParts = [campaigns, approvals, operator].map(({ en, es }) => ({ en: en.words, es: es.words }));
        const parts = [...WORDS, ...inParts];
        const keys = (texts) => ['words', 'states', 'advice'].map((table) => Object.keys(texts[table]).sort());
        const all = (texts, name) => [...keys(texts), ...parts.map((part) => Object.keys(part[name]).sort())];
        const names = [english.words, ...parts.map(({ en }) => en)].flatMap(Object.keys);
        const twice = names.filter((key, index) => names.indexOf(key) !== index);
        return [all(english, 'en'), all(spanish, 'es'), Object.keys(english), Object.keys(spanish), twice];
    }"""
    english, spanish, tables_en, tables_es, twice = await page.evaluate(script)
    assert twice == []
    assert english == spanish
    assert tables_en == tables_es


async def test_every_setting_has_a_spanish_text(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    script = "async () => Object.keys((await import('/panel/static/texts/setting_texts.js')).settingTexts)"
    models = (BridgeSettings, ResponderSettings, CampaignSettings)
    names = {str(field.validation_alias) for model in models for field in model.model_fields.values()}
    assert sorted(await page.evaluate(script)) == sorted(names)


async def test_the_reason_of_an_unknown_outcome_is_shown_in_spanish(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.send_mode, started.phone.look_up_complete = SendMode.CALL_LOST, False
    async with started.client() as client:
        sent = await client.post("/v1/sessions/haby/sends?wait=10", json={"id": "which", "to": ANA, "message": "hola"})
        assert (sent.json()["status"], sent.json()["error"]) == ("unknown", None)
        seen = (await client.get("/v1/sessions/haby/sends/which")).json()
        assert (seen["doubt"], seen["doubt_code"]) == (DOUBT_TEXT[Doubt.CONNECTION_LOST], Doubt.CONNECTION_LOST)
    page = await open_panel(started, locale="es-AR", at="#outbox")
    await expect(page.get_by_text("WhatsApp Web no lo conoce")).to_be_visible()
    await expect(page.get_by_text("Mirá el chat en el teléfono")).to_be_visible()


async def test_the_failure_of_a_webhook_is_shown_in_spanish(started: HttpBridge, open_panel: OpenPanel) -> None:
    async with started.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:9/hook"})
        started.phone.incoming(ANA, "hola")
    page = await open_panel(started, locale="es-AR", at="#listeners", expected="400")
    await expect(page.get_by_text("no hay nada escuchando en ese puerto")).to_be_visible()
    await page.get_by_role("button", name="Agregar un webhook").click()
    await page.get_by_label("Dirección").fill("http://10.0.0.1/hook")
    await page.get_by_role("dialog").get_by_role("button", name="Agregar").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(
        "WA_CALLBACK_HOSTS tiene las permitidas"
    )
    await expect(page.get_by_label("Dirección")).to_have_value("http://10.0.0.1/hook")  # kept, to be corrected
    await picture(page, "panel-refused")


async def test_numbers_are_grouped_as_people_write_them(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started)
    grouped = {
        "5491155500001@c.us": "+54 9 11 5550-0001",
        "5493515550001": "+54 9 351 555-0001",
        "+543541550001": "+54 3541 55-0001",
        "34612345678@s.whatsapp.net": "+34 612 345 678",
        "12025550123@c.us": "+1 202 555 0123",
        "120363000000000001@g.us": "120363000000000001@g.us",
        "98765432109876@lid": "98765432109876@lid",
        "": "",
    }
    assert await _calls(page, "addresses.js", "readableAddress", list(grouped)) == list(grouped.values())


async def test_an_unreachable_bridge_is_shown_and_the_data_is_marked_as_old(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started, expected="ERR_CONNECTION_REFUSED")
    card = page.get_by_role("article", name="haby")
    await expect(card.locator("time").first).to_have_text("now")
    assert "20" in str(await card.locator("time").first.get_attribute("title"))  # the year of the exact time
    await started.stop()
    await expect(page.locator("#pulse")).to_contain_text("The bridge does not respond")
    await expect(page.locator("#frame")).to_have_class("frame lost")
    await picture(page, "panel-lost")
    await started.start()
    await expect(page.locator("#frame")).to_have_class("frame")
    await expect(page.locator("#pulse")).to_be_empty()


async def test_every_action_of_the_audit_has_a_spanish_text(started: HttpBridge, open_panel: OpenPanel) -> None:
    root = Path(bridge.__file__).parent
    source = "\n".join(file.read_text(encoding="utf-8") for file in [*root.glob("http/**/*.py"), root / "cli/key.py"])
    written = set(re.findall(r'audit\((?:store, )?"([a-z_ ]+)"', source))
    actions = sorted(written | {"agent wait", "approve send", "refuse send"} | set(ControlAction))
    assert "remove_session" in actions
    page = await open_panel(started, locale="es-AR")
    shown = await _calls(page, "language.js", "auditText", actions)
    same = {action for action, text in zip(actions, shown, strict=True) if action == text}
    assert same == set()


async def test_a_count_of_one_has_its_own_text(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR")
    script = """async () => {
        const { counted } = await import('/panel/static/language.js');
        return [counted('linesWithout', 1), counted('linesWithout', 1200), counted('listRows', 1, 'Clientes')];
    }"""
    assert await page.evaluate(script) == [
        "Se salteó 1 línea sin número.",
        "Se saltearon 1.200 líneas sin número.",
        "Clientes (1 persona)",
    ]


async def test_a_text_that_is_no_link_of_a_group_is_explained(started: HttpBridge, open_panel: OpenPanel) -> None:
    started.phone.answers["groups.list"] = {"groups": [], "next": None}
    page = await open_panel(started, at="#groups", locale="es-AR", expected="400")
    form = page.get_by_role("dialog")
    await page.get_by_role("button", name="Entrar con un enlace").click()
    await form.get_by_role("textbox").fill("hola")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("alert")).to_have_text(
        "No es un enlace de un grupo: empieza con https://chat.whatsapp.com/. Copialo entero."
    )
