"""The passkey step of the double: a browser's own virtual authenticator plays the person."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bridge.sandbox import Sandbox
from bridge.sandbox.linked_devices import CodeNotShown
from bridge.sandbox.passkey import PasskeyAsked, PasskeyRefused
from bridge.sandbox.records import ACCOUNT, PasskeyOutcome
from tests.sandbox.conftest import Tab, injected

NUMBER = ACCOUNT.partition("@")[0]
START = "async () => require('WAWebShortcakeLinkingAction').startShortcakePasskeyPairing()"
SEEN = """() => {
  globalThis.seen = [];
  for (const name of ['passkey_prologue_request', 'shortcake_prologue_sent', 'shortcake_verification_code_ready',
    'shortcake_error']) {
    WPP.whatsapp.LinkDeviceEvents.on(`link_device_events:${name}`, (...details) => seen.push([name, ...details]));
  }
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox("localhost") as running:  # WebAuthn knows no addresses
        running.world.configure(running.world.state.settings.model_copy(update={"sync_ms": 50, "passkey": True}))
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(sandbox: Sandbox, browser: Browser) -> AsyncIterator[Tab]:
    context = await injected(await browser.new_context())
    await context.credentials.install()
    credential = await context.credentials.create("localhost")
    sandbox.world.linking.passkeys.register(credential["id"], credential["publicKey"])
    opened = Tab(await context.new_page())
    await opened.page.goto(sandbox.url)
    await opened.until("() => WPP.isFullReady")
    await opened.run(SEEN)
    yield opened
    await context.close()


def configure(sandbox: Sandbox, **changes: object) -> None:
    sandbox.world.configure(sandbox.world.state.settings.model_copy(update=changes))


async def scan(sandbox: Sandbox, tab: Tab) -> str:
    text = await tab.run("() => document.querySelector('[data-testid=link-device-qr-code]').dataset.ref")
    with pytest.raises(PasskeyAsked):
        sandbox.world.linking.scan(text)
    await tab.until("() => seen.length")
    return str(text)


async def test_a_scan_leads_to_a_passkey_then_to_the_login(sandbox: Sandbox, tab: Tab) -> None:
    scanned = await scan(sandbox, tab)
    with pytest.raises(CodeNotShown):
        sandbox.world.linking.scan(scanned)  # it has the old secret
    screen = tab.page.get_by_test_id("shortcake_passkey_screen")
    await screen.get_by_role("button", name="Continue").click()
    await tab.usable()
    names = [entry[0] for entry in await tab.run("() => seen")]
    assert names == ["passkey_prologue_request", "shortcake_prologue_sent", "shortcake_verification_code_ready"]
    (_, code, skip) = (await tab.run("() => seen"))[-1]
    assert (len(code), skip) == (8, True)  # the page showed the code that was scanned: nothing to compare
    assert not await screen.is_visible()
    assert tab.errors == []


async def test_without_a_proof_the_person_compares_two_codes(sandbox: Sandbox, tab: Tab) -> None:
    configure(sandbox, passkey_proof_ms=0)
    await scan(sandbox, tab)
    await tab.run(START)
    (_, code, skip) = await tab.until("() => seen.find((entry) => entry[0] === 'shortcake_verification_code_ready')")
    assert not skip
    assert not sandbox.world.linking.devices
    screen = tab.page.get_by_test_id("shortcake_passkey_screen")
    await screen.get_by_text(code).wait_for()
    await screen.get_by_role("button", name="Yes").click()
    await tab.usable()


async def test_a_typed_code_leads_there_too(sandbox: Sandbox, tab: Tab) -> None:
    code = await tab.run(f"() => WPP.conn.startLinkDeviceCodeForPhoneNumber('{NUMBER}')")
    with pytest.raises(PasskeyAsked):
        sandbox.world.linking.type_code(code)
    await tab.until("() => seen.length")
    await tab.run(START)
    await tab.usable()


async def test_a_wrong_passkey_is_refused_and_the_next_attempt_has_another_challenge(
    sandbox: Sandbox, tab: Tab
) -> None:
    await scan(sandbox, tab)
    (step,) = sandbox.world.linking.passkeys.steps.values()
    known = dict(sandbox.world.state.passkeys)
    sandbox.world.state.passkeys.clear()
    message = await tab.run(f"() => ({START})().then(() => null, (error) => error.message)")
    assert "does not have this passkey" in message
    sandbox.world.state.passkeys.update(known)
    await tab.run(START)
    (later,) = sandbox.world.linking.passkeys.steps.values()
    assert later.challenge != step.challenge
    (_, _, skip) = await tab.until("() => seen.find((entry) => entry[0] === 'shortcake_verification_code_ready')")
    assert not skip  # a failed attempt loses the proof


@pytest.mark.parametrize(
    ("outcome", "reason"), [(PasskeyOutcome.SILENT, "timeout"), (PasskeyOutcome.ERROR, "server_error")]
)
async def test_a_step_that_fails_later(sandbox: Sandbox, tab: Tab, outcome: PasskeyOutcome, reason: str) -> None:
    configure(sandbox, passkey_outcome=outcome, passkey_stage_ms=300)
    await scan(sandbox, tab)
    await tab.run(START)
    assert await tab.until("() => seen.find((entry) => entry[0] === 'shortcake_error')") == ["shortcake_error", reason]
    assert not sandbox.world.linking.devices


@pytest.mark.parametrize("how", ["refresh", "reload"])
async def test_starting_the_pairing_again_loses_the_step(sandbox: Sandbox, tab: Tab, how: str) -> None:
    await scan(sandbox, tab)
    if how == "refresh":
        await tab.run("async () => (await WPP.conn.refreshQR())?.fullCode")
        assert "no passkey request" in await tab.run(f"() => ({START})().then(() => null, (error) => error.message)")
    else:
        await tab.page.reload()
        await tab.until("() => WPP.isFullReady")
    assert sandbox.world.linking.passkeys.steps == {}


async def test_an_answer_that_was_made_elsewhere_or_for_another_challenge_is_refused(
    sandbox: Sandbox, tab: Tab
) -> None:
    slot, passkeys = sandbox.world.linking.open_slot(), sandbox.world.linking.passkeys
    options = passkeys.options(slot.id)
    made = await tab.run(
        """async (options) => (await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
        })).toJSON()""",
        options,
    )
    origin = sandbox.url.rstrip("/")
    with pytest.raises(PasskeyRefused, match="origin"):
        passkeys.take(slot.id, made, "http://localhost:1")
    with pytest.raises(PasskeyRefused, match="signature"):
        passkeys.take(slot.id, made | {"response": made["response"] | {"signature": "AAAA"}}, origin)
    with pytest.raises(PasskeyRefused, match="no answer"):
        passkeys.take(slot.id, {}, origin)
    passkeys.take(slot.id, made, origin)
    passkeys.options(slot.id)
    with pytest.raises(PasskeyRefused, match="challenge"):
        passkeys.take(slot.id, made, origin)
