"""The panel's sections for people and groups, in a real browser on the real wa-js."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import FilePayload, Locator, Page, ViewportSize, expect

from bridge.sandbox.group_records import GroupSettings
from bridge.sandbox.records import ACCOUNT_LID, Contact
from tests.campaigns.test_lists import cell, workbook
from tests.drivers.worlds import ANA, CARLA, CARLA_LID, ELENA, UNANSWERED, UNREGISTERED
from tests.http.panel.pages import DESK, OpenPanel, after
from tests.loopback import http_client
from tests.pictures import check_accessible, picture
from tests.requests.conftest import RunningBridge

SMALL: ViewportSize = {"width": 320, "height": 640}
FORMULA = "＝HYPERLINK(1)"
PNG = (Path(__file__).parents[1] / "samples" / "red.png").read_bytes()


async def group_with(running: RunningBridge, subject: str, *people: str) -> str:
    made = await running.ask("groups.create", subject=subject, people=people)
    assert made["status"] == "done", made
    group: str = made["data"]["group"]
    return group


async def saved_csv(page: Page, button: Locator, delimiter: str = ",") -> list[dict[str, str]]:
    async with page.expect_download() as coming:
        await button.click()
    text = (await (await coming.value).path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def entry(page: Page, text: str) -> Locator:
    return page.locator(".chats .chat", has_text=text)


async def answers(page: Page, button: str) -> None:
    """Press the confirming button of the dialog."""
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


async def check(page: Page, name: str) -> None:
    """Accessible, not wider than the window; with a screenshot."""
    await check_accessible(page, name)
    await picture(page, f"panel-{name}")
    wide = await page.evaluate("""() => Math.max(...[document.documentElement, document.querySelector('.details')]
        .map((one) => one.scrollWidth - one.clientWidth))""")
    assert wide <= 0, f"{name} is wider than its place by {wide} pixels"


@pytest.mark.parametrize(("name", "size", "scheme"), [("desk", DESK, "light"), ("small", SMALL, "dark")])
async def test_both_sections_are_accessible_and_fit_the_window(
    running: RunningBridge,
    open_panel: OpenPanel,
    name: str,
    size: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    async with http_client(running.sandbox.api_url) as client:
        (await client.put("/picture", params={"id": ANA}, content=PNG)).raise_for_status()
    group = await group_with(running, f"Consorcio de {name}", ANA, CARLA)
    code = running.world.groups.group(group)[1].invite
    running.world.groups.change(group, GroupSettings(approval=True, description="Expensas y arreglos."))
    running.world.groups.join(code, ELENA)
    page = await open_panel(running, size=size, scheme=scheme, locale="es-AR", at="#people")
    await entry(page, "Ana").click()
    await expect(page.get_by_role("img", name="Foto de Ana")).to_be_visible()
    await expect(page.get_by_role("button", name="Fijado")).to_be_visible()
    await check(page, f"person-{name}")
    if size is SMALL:
        await page.get_by_role("button", name="Volver a la lista").click()
        await check(page, f"people-{name}")
    await page.get_by_role("button", name="Comprobar números").click()
    await page.get_by_label("O un número por línea").fill(f"nombre\n{ANA}\n+54 9 11 5550-0009\n{UNANSWERED[:13]}")
    await page.get_by_role("button", name="Comprobar", exact=True).click()
    await expect(page.get_by_text("En WhatsApp: 1")).to_be_visible()
    await check(page, f"numbers-{name}")
    await page.locator('nav a[href="#groups"]').click()
    await entry(page, f"Consorcio de {name}").click()
    await expect(page.get_by_role("heading", name="Pedidos para entrar")).to_be_visible()
    await page.get_by_role("button", name="Mostrar el enlace").click()
    code_image = page.get_by_role("img", name="Código QR del enlace")
    assert await code_image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 300
    await check(page, f"group-{name}")
    await code_image.scroll_into_view_if_needed()
    await check(page, f"group-link-{name}")


async def test_people_are_found_page_by_page_and_blocked(running: RunningBridge, open_panel: OpenPanel) -> None:
    for number in range(120):
        running.world.directory.add_contact(Contact(pn=f"549115551{number:04}@c.us", name=f"Cliente {number}"))
    page = await open_panel(running, at="#people")
    people, forth = page.locator(".chats .chat"), page.get_by_role("button", name="Next")
    await expect(people).to_have_count(50)
    seen = set(await people.all_text_contents())
    while await forth.is_enabled():
        assert await people.count() == 50, "one page is in memory"
        first = await people.first.text_content()
        await forth.click()
        await expect(people.first).not_to_have_text(str(first))
        seen |= set(await people.all_text_contents())
    assert len([one for one in seen if "Cliente" in one]) == 120
    await page.get_by_role("button", name="Previous").click()
    await expect(people).to_have_count(50)
    await page.get_by_label("Search").fill("CLIENTE 77")
    await expect(people).to_have_count(1)
    await people.first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".details h2")).to_be_focused()
    person = running.world.directory.contact("5491155510077@c.us")
    assert person is not None
    await page.get_by_role("button", name="Block", exact=True).click()
    await answers(page, "Block")
    await expect(page.get_by_role("button", name="Unblock")).to_be_focused()
    assert person.blocked
    await page.get_by_role("button", name="Blocked", exact=True).click()
    await expect(people).to_have_count(1)
    await page.get_by_role("button", name="Unblock").click()
    await expect(page.get_by_text("No matches.")).to_be_visible()
    assert not person.blocked
    await page.get_by_label("Search").fill("")
    await page.get_by_role("button", name="Everyone").click()
    await entry(page, "Carla").click()
    for name in ("Pinned", "Archived", "Muted"):
        mark = page.get_by_role("button", name=name)
        await mark.click()
        await expect(mark).to_have_attribute("aria-pressed", "true")
    chat = running.world.directory.chats[CARLA_LID]
    assert (chat.pinned_ms > 0, chat.archived, chat.muted_until) == (False, True, -1)  # an archived chat is not pinned
    await page.keyboard.press("Escape")
    await expect(entry(page, "Carla")).to_be_focused()
    held, heading = asyncio.Event(), page.locator(".details h2")
    await page.route("**/requests/contacts.get", partial(after, held), times=1)
    await entry(page, "Carla").click()
    await entry(page, "Ana").click()
    await expect(heading).to_have_text("Ana")
    async with page.expect_response("**/requests/contacts.get"):
        held.set()
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(heading).to_have_text("Ana")  # the last one that was chosen


async def test_person_group_and_conversation_lead_to_each_other(running: RunningBridge, open_panel: OpenPanel) -> None:
    group = await group_with(running, "Consorcio", ANA, CARLA)
    running.world.directory.add_contact(Contact(pn="5491155500007@c.us", name="Gabriela"))
    page = await open_panel(running, at="#people")
    title = page.locator(".chat-title")
    await page.get_by_label("Search").fill("Gabriela")
    await entry(page, "Gabriela").click()
    await page.get_by_role("link", name="Write a message").click()
    await expect(page.get_by_role("textbox", name="To")).to_have_value("+54 9 11 5550-0007")
    await page.get_by_role("textbox", name="Message").fill("Hola Gabriela")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bubble", has_text="Hola Gabriela")).to_be_visible()
    await title.get_by_role("link", name="Gabriela").click()
    await expect(page.get_by_role("button", name="Block", exact=True)).to_be_visible()
    await page.goto(f"{page.url.partition('#')[0]}#groups/{group}")
    await page.get_by_role("link", name="Open the conversation").click()
    await title.get_by_role("link", name="Consorcio").click()
    await expect(page.get_by_role("heading", name="3 members")).to_be_visible()
    assert page.url.endswith("#groups"), "the entry is opened once, not at each reload"


async def test_a_file_of_numbers_is_checked_and_an_error_is_no_no(
    running: RunningBridge, open_panel: OpenPanel, tmp_path: Path
) -> None:
    numbers = [ANA, "5491155500002@c.us", UNREGISTERED, UNANSWERED]
    file = tmp_path / "clientes.csv"
    lines = [f'"Cliente; {n}";2026-08-01;"+{number[:13]}";{FORMULA}' for n, number in enumerate(numbers)]
    lines[1] = f"Beto;01.08.2026;{numbers[1][:13]}.0;"
    file.write_text("\n".join(["nombre;alta;tel;nota", *lines, lines[0]]))
    page = await open_panel(running, locale="es-AR", at="#people")
    await page.get_by_role("button", name="Comprobar números").click()
    await page.get_by_label("Archivo").set_input_files(file)
    await page.get_by_role("button", name="Comprobar", exact=True).click()
    for text in ("En WhatsApp: 2", "Sin WhatsApp: 1", "No se sabe: 1", "Se salteó 1 línea sin número."):
        await expect(page.get_by_text(text)).to_be_visible()
    saved = await saved_csv(page, page.get_by_role("button", name="Guardar como CSV"), ";")
    assert [(one["number"], one["on_whatsapp"], one["code"]) for one in saved] == [
        (ANA[:13], "yes", ""),
        ("5491155500002", "yes", ""),
        (UNREGISTERED[:13], "no", ""),
        (UNANSWERED[:13], "unknown", "internal"),
    ]
    assert saved[0]["given"] == f"'+{ANA[:13]}", "a spreadsheet must not take it for a formula"
    running.world.directory.add_contact(Contact(pn=UNANSWERED, name="Sin respuesta", saved=False))
    try:
        await page.get_by_role("button", name="Volver a consultar").click()
        await expect(page.get_by_text("En WhatsApp: 3")).to_be_visible()
    finally:
        running.world.directory.add_contact(
            Contact(pn=UNANSWERED, name="Sin respuesta", saved=False, lookup_fails=True)
        )
    assert not await page.get_by_role("button", name="Volver a consultar").count()


async def test_the_members_of_a_group_are_changed_with_an_outcome_for_each(
    running: RunningBridge, open_panel: OpenPanel
) -> None:
    world, shy = running.world, "5491155500031@c.us"
    world.directory.add_contact(Contact(pn=shy, name="Tímida", saved=False, add_code=403))
    world.directory.add_contact(Contact(pn="5491155500032@c.us", name=FORMULA, pushname=FORMULA))
    page = await open_panel(running, at="#groups")
    await page.get_by_role("button", name="New group").click()
    await page.get_by_label("Name of the group").fill("Obra")
    await page.get_by_label("Numbers, one in each line").fill(f"{ANA[:13]}, 5491155500032\n+54 9 11 5550-0009")
    await answers(page, "Create")
    outcomes = page.get_by_role("list", name="What became of each person").get_by_role("listitem")
    await expect(outcomes).to_have_text([re.compile("Done"), re.compile("Done"), re.compile("not on WhatsApp")])
    members = page.get_by_role("list", name="Members").get_by_role("listitem")
    await expect(members).to_have_count(3)
    group = next(one for one in world.state.chats.values() if one.name == "Obra")
    assert group.group is not None
    rows = await saved_csv(page, page.get_by_role("button", name="Save as CSV"))
    assert [(one["name"], one["rights"]) for one in rows] == [
        ("Ana", "member"),
        (f"'{FORMULA}", "member"),
        *[(one["name"], "owner") for one in rows[2:]],
    ]
    await page.locator(".details").get_by_label("Numbers, one in each line").fill(f"{shy[:13]}\n{CARLA[:13]}")
    await page.get_by_role("button", name="Add people").click()
    await expect(outcomes).to_have_text([re.compile("Send the link"), re.compile("Done")])
    await expect(members).to_have_count(4)
    carla = members.filter(has_text="Carla")
    await carla.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Make admin").click()
    await expect(carla).to_contain_text("Admin")
    await expect(outcomes).to_have_text([re.compile("Done")])
    assert CARLA_LID in group.group.admins
    await carla.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Take admin right").click()
    await expect(carla).not_to_contain_text("Admin")
    assert CARLA_LID not in group.group.admins
    await carla.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Remove from the group").click()
    await answers(page, "Remove from the group")
    await expect(members).to_have_count(3)
    world.groups.change(group.id, GroupSettings(approval=True))
    for person, button in ((CARLA, "Let in"), (ELENA, "Reject")):
        world.groups.join(group.group.invite, person)
        await entry(page, "Obra").click()
        await page.get_by_role("button", name=button).click()
        await expect(page.get_by_role("button", name=button)).to_be_hidden()
    assert (len(group.participants), group.group.requests) == (3, [])
    before = group.group.invite
    await page.get_by_role("button", name="Show the link").click()
    await expect(page.get_by_text(before)).to_be_visible()
    await page.get_by_role("button", name="Make a new link").click()
    await answers(page, "Make a new link")
    await expect(page.get_by_text(before)).to_be_hidden()
    await expect(page.get_by_text(group.group.invite)).to_be_visible()
    await page.get_by_role("button", name="Leave the group").click()
    await answers(page, "Leave the group")
    await expect(page.locator(".details").get_by_text("Not a member")).to_be_visible()
    await expect(page.get_by_role("button", name="Add people")).to_be_hidden()
    assert not group.group.member


async def test_an_admin_changes_what_the_group_is_and_a_member_what_it_lets_members_change(
    running: RunningBridge, open_panel: OpenPanel
) -> None:
    group = await group_with(running, "Club", ANA)
    page = await open_panel(running, size=SMALL, scheme="dark", locale="es-AR", at="#groups")
    await entry(page, "Club").click()
    await page.get_by_role("button", name="Cambiar nombre").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Nombre del grupo").fill("Club Rivadavia")
    await dialog.get_by_label("Descripción").fill("Sábados a las 10.\nTraer agua.")
    await dialog.get_by_label("Foto").set_input_files({"name": "club.png", "mimeType": "image/png", "buffer": PNG})
    await dialog.get_by_label("Solo escriben los administradores").check()
    await dialog.get_by_label("Los mensajes desaparecen").select_option("604800")
    await check(page, "group-settings-small")
    await answers(page, "Guardar")
    await expect(page.locator(".details h2")).to_have_text("Club Rivadavia")
    chat, made = running.world.groups.group(group)
    assert (chat.name, made.description, made.announce, made.restrict) == (
        "Club Rivadavia",
        "Sábados a las 10.\nTraer agua.",
        True,
        False,
    )
    assert made.ephemeral == 604_800
    await expect(page.get_by_text("Los mensajes desaparecen después de 7 días.")).to_be_visible()
    await page.get_by_role("button", name="Cambiar nombre").click()
    await answers(page, "Guardar")  # nothing differs, so nothing is asked of WhatsApp
    await expect(page.locator("#toasts .bad")).to_have_count(0)
    made.owner = None
    running.world.groups.promote(group, [ANA])
    running.world.groups.demote(group, [ACCOUNT_LID], by=ANA)
    await page.get_by_role("button", name="Volver a la lista").click()
    await entry(page, "Club").click()
    await page.get_by_role("button", name="Cambiar nombre").click()
    await expect(dialog.get_by_label("Nombre del grupo")).to_be_visible()
    assert not await dialog.get_by_label("Solo escriben los administradores").count()


async def test_a_workbook_of_numbers_is_read_in_the_page(
    running: RunningBridge, open_panel: OpenPanel, tmp_path: Path
) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    shared = f'<sst xmlns="{main}"><si><t>Ana</t><rPh><t>ana</t></rPh></si></sst>'
    rows = f'<row r="1">{cell("A1", "cliente")}{cell("B1", "teléfono")}</row>'
    rows += f'<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2"><v>{float(ANA[:13]):.12E}</v></c></row>'
    rows += f'<row r="3">{cell("A3", "Otro")}{cell("B3", f"+{UNREGISTERED[:13]}")}</row>'
    rows += f'<row r="4">{cell("A4", "Sin número")}<c r="B4"><f>1+1</f><v>2</v></c></row>'
    file = workbook(tmp_path / "clientes.xlsx", rows, sharedStrings=shared)
    page = await open_panel(running, at="#people")
    await page.get_by_role("button", name="Check numbers").click()
    await page.get_by_label("File (CSV, XLSX").set_input_files(file)
    await expect(page.get_by_label("Or one number in each line")).to_have_value(re.compile(f"Ana\t{ANA[:13]}\n"))
    await page.get_by_role("button", name="Check", exact=True).click()
    for text in ("On WhatsApp: 1", "Not on WhatsApp: 1", "2 lines without a number"):
        await expect(page.get_by_text(text, exact=text.startswith("On"))).to_be_visible()
    broken: FilePayload = {
        "name": "roto.xlsx",
        "mimeType": "application/octet-stream",
        "buffer": file.read_bytes()[:900],
    }
    await page.get_by_label("File (CSV, XLSX").set_input_files(broken)
    await expect(page.get_by_text("This file cannot be read")).to_be_visible()
