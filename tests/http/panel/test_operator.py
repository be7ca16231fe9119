"""Log, settings, MQTT users and API in the panel."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bridge.http.log_ring import LogRing
from bridge.ops.mosquitto import BrokerDirectory
from bridge.ops.mosquitto.private_users import PrivateBrokerUsers
from bridge.ops.private_broker import PrivateBroker, private_broker
from bridge.ports import Scope
from tests.file_host import file_host
from tests.http.conftest import ANA, HERE, HttpBridge
from tests.http.panel.pages import OpenPanel
from tests.http.test_access import key_for
from tests.http.test_operator import log
from tests.parts import require_binary
from tests.pictures import picture

__all__ = ["log"]
TEST_LOG = logging.getLogger("tests.operator.page")


@pytest_asyncio.fixture(loop_scope="session")
async def own_broker(tmp_path: Path) -> AsyncIterator[PrivateBroker]:
    async with private_broker(tmp_path / "data", binary=require_binary("mosquitto", "mosquitto")) as broker:
        yield broker


async def test_the_log_is_shown_live_filtered_and_paused(side: HttpBridge, log: LogRing, open_panel: OpenPanel) -> None:
    side.log = log
    await side.start()
    TEST_LOG.info("haby: <b>the first</b>")
    TEST_LOG.warning("the second")
    page = await open_panel(side, at="#log")
    lines = page.get_by_role("log").get_by_role("listitem")
    await expect(lines.filter(has_text="haby: <b>the first</b>")).to_be_visible()
    TEST_LOG.error("the third of 5491155500001")
    await expect(lines.filter(has_text="the third of …0001")).to_be_visible()
    await page.get_by_role("button", name="Pause").click()
    TEST_LOG.error("the fourth")
    async with page.expect_response("**/v1/sessions"):
        pass
    await expect(lines.filter(has_text="the fourth")).to_have_count(0)
    await page.get_by_role("button", name="Resume").click()
    await expect(lines.filter(has_text="the fourth")).to_be_visible()
    await picture(page, "panel-log")
    await page.get_by_label("Find in the log").fill("OPERATOR.PAGE")
    await expect(lines).to_have_count(4)
    await page.get_by_role("button", name="Errors", exact=True).click()
    await expect(lines).to_have_count(2)
    await page.get_by_role("button", name="Everything").click()
    await expect(lines).to_have_count(4)
    await page.get_by_role("main").get_by_label("Session").select_option("haby")
    await expect(lines).to_have_count(1)


async def test_settings_show_what_differs(
    side: HttpBridge, open_panel: OpenPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("WA_RETENTION=3d,1GB\n")
    await side.start()
    page = await open_panel(side, at="#settings", locale="es-AR")
    one = page.get_by_role("article", name="WA_RETENTION", exact=True)
    await expect(one).to_contain_text("3d,1GB")
    await expect(one).to_contain_text("Por omisión: 30d,1GB.")
    await expect(page.get_by_role("article", name="WA_JWT_SECRET")).to_contain_text("sin definir")
    every = await page.get_by_role("article").count()
    await page.get_by_role("button", name="Solo lo que cambia").click()
    await expect(one).to_be_visible()
    await expect(page.get_by_role("article", name="WA_JWT_SECRET")).to_have_count(0)
    assert every > await page.get_by_role("article").count()
    (tmp_path / ".env").write_text("WA_RETENTION=9d,1GB\n")
    await page.reload()
    await expect(page.get_by_text("Cambió en .env desde el inicio")).to_contain_text("WA_RETENTION")
    await page.get_by_label("Buscar una opción").fill("retention_aud")
    await expect(page.get_by_role("article")).to_have_count(1)


async def test_the_lines_for_a_new_mqtt_user_work_as_shown(
    side: HttpBridge, own_broker: PrivateBroker, open_panel: OpenPanel
) -> None:
    receives, sends = (
        require_binary("mosquitto_sub", "mosquitto-clients"),
        require_binary("mosquitto_pub", "mosquitto-clients"),
    )
    assert own_broker.directory is not None
    side.given |= {"addresses": own_broker.address.reveal()}
    side.broker_users = PrivateBrokerUsers(BrokerDirectory(own_broker.directory))
    await side.start()
    page = await open_panel(side, at="#mqtt")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Add a user").click()
    await page.get_by_label("Name").fill("node-red")
    await picture(page, "panel-mqtt-user")
    await dialog.get_by_role("button", name="Create").click()
    password = await dialog.get_by_role("region", name="Password").locator("pre").text_content()
    assert password is not None
    await picture(page, "panel-mqtt-lines")
    receive = await dialog.get_by_role("region", name="Receive, in a terminal").locator("pre").text_content()
    send = await dialog.get_by_role("region", name="Send, from a terminal").locator("pre").text_content()
    for name in ("Node-RED", "Python"):
        await expect(dialog.get_by_role("region", name=name)).to_contain_text(password)
    assert receive is not None
    assert send is not None
    listening = await asyncio.create_subprocess_exec(
        *(receives, *shlex.split(receive)[1:], "-C", "1", "-W", "60"), stdout=asyncio.subprocess.PIPE
    )
    sending = await asyncio.create_subprocess_exec(sends, *shlex.split(send)[1:])
    assert await sending.wait() == 0
    await dialog.get_by_role("button", name="Close").click()
    async with side.client() as client:
        while not (await client.get("/v1/sessions/haby/sends")).json()["sends"]:
            await page.wait_for_timeout(50)
    side.phone.incoming(ANA, "¿Hay stock?")
    out, _ = await listening.communicate()
    assert b"wa/haby/in" in out
    assert [sent.text for sent in side.phone.sent] == ["Hola"]
    user = page.get_by_role("group", name="node-red")
    await user.get_by_role("button", name="Lines").click()
    await expect(dialog).not_to_contain_text(password)
    await dialog.get_by_role("button", name="Close").click()
    await user.get_by_role("button", name="Remove").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("No users yet.")).to_be_visible()


async def test_of_another_broker_the_page_says_the_command(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, at="#mqtt", locale="es-AR")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Comando para un usuario nuevo").click()
    await page.get_by_label("Nombre").fill("tablero")
    await page.get_by_label("Sesión").last.select_option("haby")
    await dialog.get_by_role("button", name="Seguir").click()
    await expect(dialog.get_by_role("region", name="En el equipo del broker")).to_contain_text(
        "sudo wa broker user add tablero --role reader --role sender --session haby"
    )


async def test_the_api_is_shown_and_tried_with_the_log_in_and_with_a_key(
    side: HttpBridge, open_panel: OpenPanel
) -> None:
    listening = await key_for(side, Scope.LISTEN)
    admin = await key_for(side, Scope.ADMIN)
    await side.start()
    page = await open_panel(side, at="#api", expected="403")
    await page.get_by_label("API key").fill(admin)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_label("Find a path").fill("POST /v1/sessions/{session}/sends")
    operation = page.get_by_role("main").locator("details").first
    await operation.locator("summary").click()
    await operation.get_by_label("Body (JSON)").fill('{"to": "+54 9 11 5550-0001", "message": "Hola"}')
    await operation.get_by_label("wait").fill("5")
    await expect(operation.get_by_label("curl")).to_contain_text("/v1/sessions/haby/sends?wait=5'")
    await page.get_by_label("Call with this key").fill(listening)
    for answer in ("403", "200"):
        await operation.get_by_role("button", name="Call").click()
        await page.get_by_role("dialog").get_by_role("button", name="Call").click()
        await expect(operation.get_by_role("status")).to_contain_text(answer)
        await page.get_by_label("Call with this key").fill("")
    await picture(page, "panel-api")
    assert [sent.text for sent in side.phone.sent] == ["Hola"]
    await page.get_by_label("Find a path").fill("/v1/asyncapi")
    await expect(page.get_by_text("No matches.")).to_be_visible()


async def test_a_newer_release_is_said_where_an_address_is_set(side: HttpBridge, open_panel: OpenPanel) -> None:
    async with file_host() as host:
        host.files["/json"] = b'{"info": {"version": "99.1.0"}}'
        side.given |= {"releases": host.url("/json")}
        await side.start()
        page = await open_panel(side, locale="es-AR")
        foot = page.get_by_text("ya salió la versión 99.1.0")
        async with asyncio.timeout(HERE):
            while not await foot.is_visible():  # the page asks when it is opened
                await page.reload()
        assert host.asked == ["/json"]


async def test_a_dialog_ends_with_its_section(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR", at="#sessions")
    await page.get_by_role("button", name="Detener").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.evaluate("location.hash = '#log'")
    await expect(page.get_by_role("heading", name="Registro", level=1)).to_be_visible()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_the_api_page_says_that_it_loads_and_in_which_language(
    started: HttpBridge, open_panel: OpenPanel
) -> None:
    page = await open_panel(started, locale="es-AR")
    script = """async () => {
        const { open } = await import('/panel/static/api_docs.js'), view = document.createElement('main');
        open(view, { session: 'haby' }).close();
        return view.textContent;
    }"""
    shown = await page.evaluate(script)
    assert "Cargando…" in shown
    assert "Las descripciones están en inglés." in shown
