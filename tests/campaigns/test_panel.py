"""The panel's pages of campaigns in a real browser: list, editor with preview, live progress, report."""

from __future__ import annotations

import pytest
from playwright.async_api import FilePayload, Page, Route, ViewportSize, expect

from bridge.contract.lifecycle import AckLevel
from tests.campaigns.conftest import CampaignsHarness, number
from tests.http.panel.pages import DESK, PHONE, OpenPanel, open_panel
from tests.http.panel.test_no_answer import ONCE, swallow
from tests.layout import NAMES, SPACED, check_fits
from tests.pictures import FOLDER, check_accessible, picture

__all__ = ["open_panel"]
NARROW: ViewportSize = {"width": 320, "height": 700}
MISSING_EN = {
    "list": "Choose a list, or a file with one.",
    "text": "Write the text that is sent.",
    "day": "Choose at least one day.",
    "hours": "Choose two different times.",
}
MISSING_ES = {
    "list": "Elegí una lista, o un archivo que la tenga.",
    "text": "Escribí el texto que se envía.",
    "day": "Elegí al menos un día.",
    "hours": "Elegí dos horas distintas.",
}
#: The editor's limit of time, 125 s, and those of other calls end sooner.
IMPATIENT = "const real = AbortSignal.timeout; AbortSignal.timeout = (limit) => real.call(AbortSignal, limit / 16);"
LIST: FilePayload = {
    "name": "clientes.csv",
    "mimeType": "text/csv",
    "buffer": "\n".join(
        [
            "telefono;nombre;zona",
            *(f"{number(n)};Persona {n};Palermo" for n in range(1, 9)),
            "x;Sin número;",
            f"{number(9)};Sin zona;",
        ]
    ).encode(),
}


async def check(page: Page, name: str) -> None:
    """Accessible, within the window, and pictured."""
    await check_accessible(page, name)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    await picture(page, f"campaigns-{name}")


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("phone", NARROW, "dark")])
async def test_a_campaign_from_the_editor_to_its_report(
    harness: CampaignsHarness, open_panel: OpenPanel, name: str, size: ViewportSize, scheme: str
) -> None:
    await harness.start()
    page = await open_panel(harness, size=size, scheme=scheme, locale="es-AR", at="#campaigns", expected="400")
    await expect(page.get_by_text("Todavía no hay campañas")).to_be_visible()
    await page.get_by_role("button", name="Campaña nueva").click()
    await page.get_by_label("Nombre").fill("Cupones de agosto")
    await page.get_by_label("Lista: CSV o XLSX").set_input_files(LIST)
    await page.get_by_label("Texto 1").fill("Hola {{nombre}}, {% saldo %}")
    await expect(page.get_by_role("group", name="Días").get_by_role("checkbox", checked=True)).to_have_count(7)
    await page.get_by_label("Desde").fill("00:00")
    await page.get_by_label("Hasta", exact=True).fill("23:59")
    await page.get_by_label("Ritmo").select_option("off")
    await page.get_by_role("button", name="Vista previa").click()
    await expect(page.get_by_role("alert").filter(has_text="no hay bucles")).to_be_visible()
    await page.get_by_label("Texto 1").fill("Hola {{nombre}}, ¿cómo va todo por {{zona}}?")
    await page.get_by_role("button", name="Vista previa").click()
    await page.get_by_text("Personas sin mensaje: 1").click()
    await expect(page.get_by_text("línea 11: no tiene valor para zona")).to_be_visible()
    await page.get_by_role("button", name="Agregar otro texto").click()
    await page.get_by_label("Texto 2").fill("{{nombre}}, tenemos cupones nuevos.")
    await page.get_by_role("button", name="Vista previa").click()
    await expect(page.get_by_text("Ejemplos de lo que reciben")).to_be_visible()
    await expect(page.get_by_text("El último sale")).to_be_visible()
    await page.get_by_text("Filas del archivo que no se usan: 1").click()
    await expect(page.get_by_text("línea 10: no tiene un número")).to_be_visible()
    await expect(page.locator("main .bubble")).to_have_count(5)
    await check(page, f"editor-{name}")
    await page.get_by_role("button", name="Guardar como borrador").dblclick()
    await expect(page.get_by_role("heading", name="Cupones de agosto")).to_be_visible()
    await check(page, f"draft-{name}")
    await page.get_by_role("button", name="Iniciar").click()
    await page.get_by_role("dialog").get_by_role("button", name="Iniciar").click()
    await expect(page.locator("main .badge").first).to_have_text("Terminada", timeout=20_000)
    phone = harness.bridge.phone
    for message in phone.sent[:6]:
        phone.acknowledge(message.key.id, AckLevel.READ)
    phone.incoming(f"{number(1)}@c.us", "¡Gracias! ¿Hasta cuándo?")
    await expect(page.get_by_text("¡Gracias! ¿Hasta cuándo?")).to_be_visible(timeout=15_000)
    await expect(page.locator("main .chart")).to_be_visible()
    await check(page, f"report-{name}")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Informe (CSV)").click()
    assert (await download.value).suggested_filename.endswith(".csv")
    await page.get_by_role("button", name="Todas las campañas").click()
    await expect(page.get_by_role("article", name="Cupones de agosto")).to_contain_text("Terminada")
    await expect(page.get_by_role("article")).to_have_count(1)
    await check(page, f"list-{name}")


async def test_a_running_campaign_is_paused_and_goes_on_in_english(
    harness: CampaignsHarness, open_panel: OpenPanel
) -> None:
    await harness.start()
    view = await harness.plan(40, pace="300/minute", name="August")
    await harness.act(view["id"], "start")
    page = await open_panel(harness, size=PHONE, at="#campaigns")
    card = page.get_by_role("article", name="August")
    await expect(card).to_contain_text("Sending")
    await picture(page, "campaigns-running")
    await card.get_by_role("button", name="Pause").click()
    await expect(card).to_contain_text("Paused")
    await card.get_by_role("button", name="Go on").click()
    await expect(card).to_contain_text("Sending")


async def test_a_draft_without_an_answer_is_saved_once(harness: CampaignsHarness, open_panel: OpenPanel) -> None:
    await harness.start()
    first = await harness.plan(2, name="August")
    await harness.act(first["id"], "start")
    await harness.reach(first["id"], state="done")
    page = await open_panel(harness, at="#campaigns", expected="503")
    await page.add_init_script(IMPATIENT)
    await page.reload()
    await page.get_by_role("button", name="New campaign").click()
    await page.get_by_label("Name").fill("Cupones de agosto")
    await page.get_by_label("List: CSV or XLSX").set_input_files(LIST)
    await page.get_by_label("Text 1").fill("Hola {{nombre}}")
    issue, save = page.get_by_role("alert"), page.get_by_role("button", name="Save as a draft")
    await swallow(page, "**/v1/campaigns?dry_run=true")
    await page.get_by_role("button", name="Preview").click()
    await expect(issue).to_have_text("The bridge does not respond.")  # it kept nothing
    await swallow(page, "**/v1/campaigns")
    await save.click()
    await expect(issue).to_have_text(ONCE)

    async def gave_up(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=503, json={"code": "campaigns_down", "detail": "It did not answer."})

    await page.route("**/v1/campaigns", gave_up, times=1)
    await save.click()
    await expect(issue).to_have_text("It did not answer.")
    await save.click()
    await expect(page.get_by_role("heading", name="Cupones de agosto")).to_be_visible()
    await page.get_by_role("button", name="All campaigns").click()
    await expect(page.get_by_role("article")).to_have_count(2)
    await page.get_by_role("article", name="August").get_by_role("button", name="Open").click()
    await swallow(page, "**/v1/campaigns")
    # a press does nothing while the page looks how the campaign is
    looks = [page.expect_response(f"**/{first['id']}{part}") for part in ("", "/recipients?*", "/history")]
    async with looks[0], looks[1], looks[2]:
        await page.get_by_role("button", name="Write to who has not read").click()
        await expect(page.locator("#toasts").get_by_text(ONCE)).to_be_visible()
    await page.get_by_role("button", name="Write to who has not read").click()
    await expect(page.get_by_role("heading", name="August, reminder")).to_be_visible()
    made = (await harness.call("GET", "")).json()["campaigns"]
    assert [one["name"] for one in made].count("Cupones de agosto") == 1
    assert len(made) == 3
    assert any(one["id"].startswith("cupones-de-agosto-") for one in made)


@pytest.mark.parametrize(("locale", "said"), [("en-GB", MISSING_EN), ("es-AR", MISSING_ES)])
async def test_what_is_not_filled_in_is_named_and_nothing_is_asked(
    harness: CampaignsHarness, open_panel: OpenPanel, locale: str, said: dict[str, str]
) -> None:
    await harness.start()
    page = await open_panel(harness, locale=locale, at="#campaigns")
    await page.locator("main .main-button").click()
    issue, preview = page.get_by_role("alert"), page.locator(".editor > .row button").first
    await page.locator("[name=name]").fill("Cupones")
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)

    async def says(key: str, where: str) -> None:
        await preview.click()
        await expect(issue).to_have_text(said[key])
        await expect(page.locator(where).first).to_be_focused()

    await says("list", "[type=file]")
    await page.locator("[type=file]").first.set_input_files(LIST)
    await says("text", ".editor .cards textarea")
    await page.locator(".editor .cards textarea").fill("Hola {{nombre}}")
    days = page.locator("[name=day]")
    for day in await days.all():
        await day.uncheck()
    await says("day", "[name=day]")
    await days.first.check()
    await page.locator("[name=to]").fill("09:00")
    await says("hours", "[name=to]")
    assert posts == []
    await page.locator("[name=to]").fill("18:00")
    await preview.click()
    await expect(page.locator("main .bubble")).not_to_have_count(0)


async def test_long_names_fit(harness: CampaignsHarness, open_panel: OpenPanel) -> None:
    await harness.start()
    people = [{"to": number(n), "name": name} for n, name in enumerate((*NAMES, SPACED), start=1)]
    text = f"Hola {{{{name}}}}, {NAMES[0] * 2} https://tienda.example/{'a' * 90}"
    *_, last = [(await harness.plan(people, name=name, variants=[text]))["id"] for name in NAMES]
    await harness.act(last, "start")
    await harness.reach(last, state="done")
    harness.bridge.phone.incoming(f"{number(1)}@c.us", NAMES[0] * 3)
    page = await open_panel(harness, size=NARROW, at="#campaigns", expected="400")
    await expect(page.get_by_role("article")).to_have_count(3)
    await check_fits(page, "campaigns")
    await check(page, "names-list")
    for name in (NAMES[0], NAMES[2]):
        await page.get_by_role("button", name=f"Open {name}").click()
        await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        await expect(page.get_by_text(SPACED).first).to_be_visible()
        for fold in await page.locator("main details").all():
            await fold.evaluate("one => { one.open = true; }")
        await check_fits(page, name)
        await page.screenshot(path=FOLDER / f"campaigns-names-{NAMES.index(name)}.png", full_page=True)
        await page.get_by_role("button", name="Start" if name == NAMES[0] else "Delete").click()
        await expect(page.get_by_role("dialog")).to_contain_text(name)
        await check_fits(page, "dialog")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="All campaigns").click()
    await page.get_by_role("button", name="New campaign").click()
    await page.get_by_label("Name").fill(NAMES[0])
    rows = f"telefono;nombre;{NAMES[0]}\n{number(1)};{NAMES[0]};\n{NAMES[0]};{SPACED};\n{number(2)};Beto;x"
    named: FilePayload = {"name": f"{NAMES[0]}.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    await page.get_by_label("List: CSV or XLSX").set_input_files(named)
    await page.get_by_label("Text 1").fill(f"{text} {{{{{NAMES[0]}}}}}")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("main .bubble")).not_to_have_count(0)
    for fold in await page.locator("main details").all():
        await fold.evaluate("one => { one.open = true; }")
    await page.screenshot(path=FOLDER / "campaigns-names-editor.png", full_page=True)
    await check_fits(page, "editor")


async def test_both_languages_have_the_same_keys(harness: CampaignsHarness, open_panel: OpenPanel) -> None:
    page = await open_panel(harness)
    script = """async () => {
        const { campaigns } = await import('/panel/static/texts/campaigns.js');
        const { english } = await import('/panel/static/texts/en.js');
        const keys = (texts) => Object.keys(texts.words).sort();
        const twice = Object.keys(campaigns.en.words).filter((key) => key in english.words);
        return [keys(campaigns.en), keys(campaigns.es), twice];
    }"""
    english, spanish, twice = await page.evaluate(script)
    assert english == spanish
    assert twice == []


async def test_the_settings_of_campaigns_stand_beside_those_of_the_bridge(
    harness: CampaignsHarness, open_panel: OpenPanel
) -> None:
    await harness.start()
    page = await open_panel(harness, at="#settings")
    await expect(page.get_by_role("heading", name="Campaigns", level=2)).to_be_visible()
    ahead = page.get_by_role("article", name="WA_CAMPAIGNS_AHEAD")
    await expect(ahead).to_contain_text("Messages of campaigns that a session has accepted")
    await expect(page.get_by_role("article", name="WA_CAMPAIGNS_SECRET")).to_have_count(1)  # shared: the bridge's
