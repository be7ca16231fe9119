"""A responder in the bridge's process: the keys of the bridge open it too, and no weaker ones do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bridge.contract.pace import Pace
from bridge.contract.session import SessionState
from bridge.http.credentials import IssuedKey, ServiceCredentials, grant_of, new_key
from bridge.http.listener import address_of, listen
from bridge.ports import EVERY_CHAT, Right, Scope
from bridge.settings import load as load_bridge
from bridge.store import BRIDGE_STORE, BridgeStore
from responder.app import Responder
from tests.client.conftest import ANA, ScriptedBridge, served_bridge
from tests.http.panel.pages import OpenPanel, open_panel
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port
from tests.pictures import picture
from tests.responder.conftest import ResponderHarness

__all__ = ["open_panel"]
SECRET = "lo-que-solo-sabe-este-proceso"
OWNER = new_key("dueña", [Scope.ADMIN], None, 0.0)
#: Whose key may do less than everything.
WEAKER = {
    "one session": new_key("sucursal", [Scope.ADMIN], ["haby"], 0.0),
    "send and listen": new_key("crm", [Scope.SEND, Scope.LISTEN], None, 0.0),
    "agent": new_key("agente", [], None, 0.0, grant_of({EVERY_CHAT: list(Right)}, approval=False)),
}


@pytest_asyncio.fixture(loop_scope="session")
async def scripted_bridge(broker: MosquittoServer, tmp_path: Path) -> AsyncIterator[ScriptedBridge]:
    """As in conftest, with HTTP."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    async with served_bridge(settings) as bridge:
        yield bridge


def shared(bridge: ScriptedBridge, *, always: bool = False, secret: str = SECRET) -> ServiceCredentials:
    """As `wa up` makes them."""
    assert bridge.bridge is not None
    assert bridge.http is not None
    panel = f"{address_of(bridge.http)}/"
    return ServiceCredentials(bridge.bridge.credentials, secret, panel=panel, always=always)


async def store_keys(bridge: ScriptedBridge, *keys: IssuedKey) -> None:
    """As `wa key create` does beside the running bridge."""
    async with BridgeStore(bridge.settings.data_dir / BRIDGE_STORE, now=bridge.clock.now) as store:
        for one in keys:
            await store.access.add_key(one.key)
    assert bridge.bridge is not None
    (await bridge.bridge.credentials()).forget()


async def status_with(responder: Responder, key: str | None) -> int:
    """Of a request for conversations."""
    headers = {} if key is None else {"x-api-key": key}
    async with http_client(responder.url) as http:
        return (await http.get("/api/conversaciones", headers=headers)).status_code


async def test_only_a_key_for_everything_opens_it(harness: ResponderHarness) -> None:
    responder = await harness.start(shared=shared(harness.bridge))
    assert await status_with(responder, None) == 200
    await store_keys(harness.bridge, *WEAKER.values())  # one of them is enough to close it
    for key in WEAKER.values():
        assert {await status_with(responder, key.text) for _ in range(25)} == {403}
    async with http_client(responder.url) as http:
        bearer = {"authorization": f"Bearer {WEAKER['one session'].text}"}
        answer = (await http.get("/api/conversaciones", headers=bearer)).json()
    assert answer.pop("panel").startswith("http://127.0.0.1:")
    needed = "A key or token with the scope admin for all sessions is needed here; this one has less."
    assert answer == {"error": needed, "code": "narrow_key"}
    assert await status_with(responder, None) == 401
    assert await status_with(responder, OWNER.text) == 401
    await store_keys(harness.bridge, OWNER)
    assert await status_with(responder, OWNER.text) == 200
    assert await status_with(responder, SECRET) == 200


async def test_a_bridge_that_asks_for_credentials_without_a_key(harness: ResponderHarness) -> None:
    responder = await harness.start(shared=shared(harness.bridge, always=True))
    assert await status_with(responder, None) == 401
    assert await status_with(responder, SECRET) == 200


async def test_a_bridge_that_ended_first_opens_nothing(harness: ResponderHarness) -> None:
    responder = await harness.start(shared=shared(harness.bridge), http_rate=Pace.parse("off", burst=1))
    assert await status_with(responder, None) == 200
    await store_keys(harness.bridge)  # what was read is not asked again for two seconds
    await harness.bridge.stop()
    assert await status_with(responder, None) == 401
    assert await status_with(responder, OWNER.text) == 503


async def test_keys_that_cannot_be_read_make_no_wrong_guess(harness: ResponderHarness) -> None:
    """A store that is closed answers as one on a full disk: no key is wrong, so none counts as a guess."""
    await store_keys(harness.bridge, OWNER)
    responder = await harness.start(shared=shared(harness.bridge))
    await store_keys(harness.bridge)
    await harness.bridge.stop()
    async with http_client(responder.url) as http:
        refused = await http.get("/api/conversaciones", headers={"x-api-key": OWNER.text})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json() == {"error": "No se pueden leer las claves; probar de nuevo en unos segundos"}
    assert {await status_with(responder, OWNER.text) for _ in range(25)} == {503}
    assert await status_with(responder, SECRET) == 200  # compared first, and not limited by the others
    assert await status_with(responder, "no es una clave") == 401
    assert {await status_with(responder, f"guess {number}") for number in range(25)} == {401, 429}
    assert await status_with(responder, SECRET) == 200


async def test_the_sender_of_webhook_mode_signs_once_the_bridge_asks_for_a_key(
    harness: ResponderHarness, broker: MosquittoServer, tmp_path: Path
) -> None:
    """No key is configured here, so the sender gets a secret of this run; at the next start another one."""
    settings = load_bridge(
        addresses=broker.url("bridge"), data_dir=tmp_path / "sender", pace="off", instance="sender", mqtt_prefix="other"
    )
    sender = ScriptedBridge(settings)
    sender.http = listen("127.0.0.1", 0)
    url = address_of(sender.http)
    await sender.start(until=None)
    await sender.reach(SessionState.CONNECTED)
    try:
        port = free_port()
        responder = await harness.start(shared=shared(harness.bridge), sender_url=url, port=port)
        recorded = "SELECT count(*) FROM wa_message"
        sender.phone.incoming(ANA, "¿Están?")
        await harness.until_rows(recorded, [(1,)])
        await store_keys(harness.bridge, OWNER)
        sender.phone.incoming(ANA, "¿Hay alguien?")
        await harness.until_rows(recorded, [(2,)])
        async with http_client(responder.url) as http:
            forged = {"from": ANA, "body": "stop", "type": "chat", "timestamp": int(time.time())}
            assert (await http.post("/api/message-received", json=forged)).status_code == 401
        assert responder.faults.counts["unsigned"] == 1
        await harness.stop()
        again = shared(harness.bridge, secret="lo-que-sabe-el-proceso-siguiente")
        await harness.start(shared=again, sender_url=url, port=port)
        sender.phone.incoming(ANA, "¿Y ahora?")
        await harness.until_rows(recorded, [(3,)])
    finally:
        await harness.stop()
        await sender.stop()


@pytest.mark.parametrize(
    ("locale", "scheme", "sentence", "field", "needed"),
    [
        (
            *("es-AR", "light", "El panel del puente también muestra estas conversaciones:", "Clave"),
            "una con el permiso `admin` para todas las sesiones",
        ),
        (
            *("en-GB", "dark", "The bridge’s panel shows these conversations, too:", "Key"),
            "one with the scope `admin` for all sessions",
        ),
    ],
)
async def test_the_page_asks_for_a_key_and_names_the_panel(
    harness: ResponderHarness, open_panel: OpenPanel, locale: str, scheme: str, sentence: str, field: str, needed: str
) -> None:
    narrow = WEAKER["one session"]
    await store_keys(harness.bridge, OWNER, narrow)
    responder = await harness.start(shared=shared(harness.bridge))
    harness.bridge.phone.incoming(ANA, "¿Están?", notify_name="Ana Suárez")
    await harness.verdicts(1)
    page = await open_panel(responder, locale=locale, scheme=scheme, expected="responded with a status of 40")
    await expect(page.get_by_text(sentence)).to_be_visible()
    assert harness.bridge.http is not None
    panel = f"{address_of(harness.bridge.http)}/"
    await expect(page.get_by_role("link", name=panel)).to_have_attribute("href", panel)
    await picture(page, f"responder-key-{locale}")
    await expect(page.get_by_role("textbox", name=field)).to_be_focused()
    await expect(page.get_by_text(needed)).to_be_hidden()
    await page.get_by_role("textbox", name=field).fill(narrow.text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(needed)).to_be_visible()
    await picture(page, f"responder-narrow-key-{locale}")
    await page.get_by_role("textbox", name=field).fill(OWNER.text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Ana Suárez")).to_be_visible()
    await expect(page.get_by_text(sentence)).to_be_hidden()
