"""A responder in the bridge's process: the keys of the bridge open it too, and no weaker ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from bridge.contract.pace import Pace
from bridge.http.credentials import IssuedKey, ServiceCredentials, grant_of, new_key
from bridge.http.listener import address_of, listen
from bridge.ports import EVERY_CHAT, Right, Scope
from bridge.settings import load as load_bridge
from bridge.store import BRIDGE_STORE, BridgeStore
from responder.app import Responder
from tests.client.conftest import ANA, ScriptedBridge
from tests.http.panel.pages import OpenPanel, browser, open_panel
from tests.mosquitto_server import MosquittoServer
from tests.pictures import picture
from tests.responder.conftest import ResponderHarness

__all__ = ["browser", "open_panel"]
SECRET = "lo-que-solo-sabe-este-proceso"
OWNER = new_key("dueña", [Scope.ADMIN], None, 0.0)
#: Whose key may do less than everything.
WEAKER = {
    "one session": new_key("sucursal", [Scope.ADMIN], ["haby"], 0.0),
    "send and listen": new_key("crm", [Scope.SEND, Scope.LISTEN], None, 0.0),
    "agent": new_key("agente", [], None, 0.0, grant_of({EVERY_CHAT: list(Right)}, approval=False)),
}


@pytest.fixture
async def scripted_bridge(broker: MosquittoServer, tmp_path: Path) -> AsyncIterator[ScriptedBridge]:
    """As in conftest, with HTTP."""
    settings = load_bridge(addresses=broker.url("bridge"), data_dir=tmp_path / "bridge", pace="off", instance="test")
    bridge = ScriptedBridge(settings)
    bridge.http = listen("127.0.0.1", 0)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.stop()


def shared(bridge: ScriptedBridge, *, always: bool = False) -> ServiceCredentials:
    """As `wa up` makes them."""
    assert bridge.bridge is not None
    assert bridge.http is not None
    panel = f"{address_of(bridge.http)}/"
    return ServiceCredentials(bridge.bridge.credentials, SECRET, panel=panel, always=always)


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
    async with httpx.AsyncClient(base_url=responder.url, trust_env=False) as http:
        return (await http.get("/api/conversaciones", headers=headers)).status_code


async def test_only_a_key_for_everything_opens_it(harness: ResponderHarness) -> None:
    responder = await harness.start(shared=shared(harness.bridge))
    assert await status_with(responder, None) == 200
    await store_keys(harness.bridge, *WEAKER.values())  # one of them is enough to close it
    assert {await status_with(responder, key.text) for key in WEAKER.values()} == {401}
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
    assert await status_with(responder, OWNER.text) == 401


@pytest.mark.parametrize(
    ("locale", "scheme", "sentence", "field"),
    [
        ("es-AR", "light", "El panel del puente también muestra estas conversaciones:", "Clave"),
        ("en-GB", "dark", "The bridge’s panel shows these conversations, too:", "Key"),
    ],
)
async def test_the_page_asks_for_a_key_and_names_the_panel(
    harness: ResponderHarness, open_panel: OpenPanel, locale: str, scheme: str, sentence: str, field: str
) -> None:
    await store_keys(harness.bridge, OWNER)
    responder = await harness.start(shared=shared(harness.bridge))
    harness.bridge.phone.incoming(ANA, "¿Están?", notify_name="Ana Suárez")
    await harness.verdicts(1)
    page = await open_panel(responder, locale=locale, scheme=scheme, expected="401")
    await expect(page.get_by_text(sentence)).to_be_visible()
    assert harness.bridge.http is not None
    panel = f"{address_of(harness.bridge.http)}/"
    await expect(page.get_by_role("link", name=panel)).to_have_attribute("href", panel)
    await picture(page, f"responder-key-{locale}")
    await expect(page.get_by_role("textbox", name=field)).to_be_focused()
    await page.get_by_role("textbox", name=field).fill(OWNER.text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Ana Suárez")).to_be_visible()
    await expect(page.get_by_text(sentence)).to_be_hidden()
