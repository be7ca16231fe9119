"""The passkey step on the double. The person is a second browser context with a virtual authenticator of its own."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from bridge.contract.details import PasskeyDetail
from bridge.contract.errors import CodedError
from bridge.contract.passkey import console_line
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web import PlaywrightRuntime
from bridge.drivers.web.driver import WebDriver
from bridge.drivers.web.executable import find_executable
from bridge.ports import DriverUnavailable, PasskeyRequest
from bridge.sandbox import Sandbox
from bridge.sandbox.linked_devices import CodeNotShown
from bridge.sandbox.passkey import PasskeyAsked
from bridge.sandbox.records import ACCOUNT, PasskeyOutcome
from tests.drivers.recording import RecordingSink, running
from tests.drivers.worlds import LIMITS, WebWorld

NUMBER = ACCOUNT.partition("@")[0]


class Person:
    """The account's owner, at a browser of their own."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def run(self, line: str) -> dict[str, Any]:
        """Run a line in the console; returns what it prints."""
        async with self.page.expect_console_message() as printed:
            await self.page.evaluate(line)
        answer: dict[str, Any] = json.loads((await printed.value).text)
        return answer

    async def answer(self, request: PasskeyRequest | None) -> dict[str, Any]:
        assert request is not None
        assert request.options is not None
        return await self.run(console_line(request.options))


@pytest_asyncio.fixture(loop_scope="session")
async def web(tmp_path: Path, runtime: PlaywrightRuntime) -> AsyncIterator[WebWorld]:
    async with Sandbox("localhost") as sandbox:  # WebAuthn knows no addresses
        world = WebWorld(sandbox, runtime, tmp_path / "profile")
        world.set(passkey=True)
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def person(web: WebWorld, runtime: PlaywrightRuntime) -> AsyncIterator[Person]:
    playwright = await runtime.playwright()
    browser = await playwright.chromium.launch(
        executable_path=find_executable(None, playwright.chromium.executable_path), chromium_sandbox=os.geteuid() != 0
    )
    context = await browser.new_context()
    await context.credentials.install()
    credential = await context.credentials.create("localhost")
    web.sandbox.world.linking.passkeys.register(credential["id"], credential["publicKey"])
    page = await context.new_page()
    await page.goto(web.sandbox.url)
    yield Person(page)
    await browser.close()


@asynccontextmanager
async def asked(web: WebWorld, driver: WebDriver | None = None) -> AsyncIterator[tuple[WebDriver, RecordingSink]]:
    """A driver whose code was scanned, and which waits for the passkey."""
    driver = driver or web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        code = sink.codes[-1]
        assert code is not None
        with pytest.raises(PasskeyAsked):
            web.sandbox.world.linking.scan(code.code)
        await request_of(sink)
        yield driver, sink


async def request_of(sink: RecordingSink, but: PasskeyRequest | None = None) -> PasskeyRequest:
    """The request that waits for an answer; another one than `but`."""
    await sink.until(lambda: sink.passkeys and (r := sink.passkeys[-1]) and r.options and r != but)
    request = sink.passkeys[-1]
    assert request is not None
    return request


async def refused(driver: WebDriver, answer: dict[str, Any]) -> str | None:
    with pytest.raises(CodedError) as caught:
        await driver.answer_passkey(answer)
    return caught.value.detail


async def test_the_step_is_noticed_and_not_disturbed(web: WebWorld) -> None:
    async with asked(web) as (driver, sink):
        (step,) = web.sandbox.world.linking.passkeys.steps.values()
        request = await request_of(sink)
        assert request.options is not None
        assert request.options["challenge"] == step.challenge
        assert request.options["rpId"] == "localhost"
        assert request.origin == web.sandbox.url.rstrip("/")
        assert request.expires_at == pytest.approx(step.until, abs=5)
        assert sink.situations[-1].reason is Reason.PASSKEY_REQUIRED
        assert sink.codes[-1] is None  # the code that was scanned is dead
        (slot,) = web.sandbox.world.linking.slots.values()
        web.set(ref_ttl_ms=100, refs_before_idle=1)
        web.sandbox.world.linking.rotate(slot)
        web.sandbox.world.faults.outdate()
        await driver.reload()
        with pytest.raises(DriverUnavailable, match="passkey"):
            await driver.link_by_phone(NUMBER)
        await asyncio.sleep(LIMITS.report * 6)
        assert not slot.ref  # the codes ran out, and no refresh followed
        assert list(web.sandbox.world.linking.passkeys.steps.values()) == [step]
        assert sink.situations[-1].reason is Reason.PASSKEY_REQUIRED


async def test_the_person_answers_in_a_browser_of_their_own(web: WebWorld, person: Person) -> None:
    async with asked(web) as (driver, sink):
        await driver.answer_passkey(await person.answer(await request_of(sink)))
        await sink.until_state(SessionState.CONNECTED)
        assert sink.passkeys[-1] is None
    assert len(web.sandbox.world.linking.devices) == 1


async def test_without_a_proof_the_person_compares_codes(web: WebWorld, person: Person) -> None:
    web.set(passkey_proof_ms=0)
    async with asked(web) as (driver, sink):
        await driver.answer_passkey(await person.answer(await request_of(sink)))
        await sink.until(lambda: (r := sink.passkeys[-1]) and r.code)
        request = sink.passkeys[-1]
        assert request is not None
        assert request.code is not None
        with pytest.raises(CodedError) as caught:
            await driver.confirm_passkey("WRONG123")
        assert caught.value.detail == PasskeyDetail.CODE
        assert not web.sandbox.world.linking.devices
        await driver.confirm_passkey(f"{request.code[:4]}-{request.code[4:]}".lower())
        await sink.until_state(SessionState.CONNECTED)


async def test_a_typed_code_leads_to_the_step(web: WebWorld, person: Person) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        await driver.link_by_phone(NUMBER)
        await sink.until(lambda: (c := sink.codes[-1]) and c.link_code)
        code = sink.codes[-1]
        assert code is not None
        with pytest.raises(PasskeyAsked):
            web.sandbox.world.linking.type_code(code.code)
        await driver.answer_passkey(await person.answer(await request_of(sink)))
        await sink.until_state(SessionState.CONNECTED)


async def test_answers_that_are_not_taken(web: WebWorld, person: Person) -> None:
    async with asked(web) as (driver, sink):
        first = await request_of(sink)
        answer = await person.answer(first)
        assert await refused(driver, {}) == PasskeyDetail.MALFORMED
        assert await refused(driver, answer | {"rawId": "%"}) == PasskeyDetail.MALFORMED
        elsewhere = await person.page.context.new_page()
        async with Sandbox("localhost") as other:
            await elsewhere.goto(other.url)
            assert await refused(driver, await Person(elsewhere).answer(first)) == PasskeyDetail.ORIGIN
        assert web.sandbox.world.linking.passkeys.steps  # the step goes on

        known = dict(web.sandbox.world.state.passkeys)
        web.sandbox.world.state.passkeys.clear()
        assert await refused(driver, answer) == PasskeyDetail.NOT_ACCEPTED  # by WhatsApp: not this account's
        web.sandbox.world.state.passkeys.update(known)
        second = await request_of(sink, but=first)
        assert await refused(driver, answer) == PasskeyDetail.OUTDATED
        await driver.answer_passkey(await person.answer(second))
        await sink.until(lambda: (r := sink.passkeys[-1]) and r.code)  # a failed attempt loses the proof
        request = sink.passkeys[-1]
        assert request is not None
        await driver.confirm_passkey(request.code or "")
        await sink.until_state(SessionState.CONNECTED)
        assert await refused(driver, answer) == PasskeyDetail.NOT_ASKED


async def test_a_browser_without_the_passkey_says_so(web: WebWorld, person: Person) -> None:
    async with asked(web) as (driver, sink):
        request = await request_of(sink)
        assert request.options is not None
        answer = await person.run(console_line(dict(request.options) | {"rpId": "example.org"}))
        assert "NotAllowedError" in answer["error"]
        assert await refused(driver, answer) == PasskeyDetail.NOT_GIVEN
        await driver.answer_passkey(await person.answer(request))
        await sink.until_state(SessionState.CONNECTED)


async def test_without_an_answer_a_new_code_is_shown(web: WebWorld) -> None:
    driver = web.web_driver(limits=replace(LIMITS, passkey=1.0))
    async with asked(web, driver) as (_, sink):
        await sink.until(lambda: sink.passkeys[-1] is None)
        await sink.until(lambda: sink.codes[-1])
        assert "in time" in sink.situations[-1].text
        web.set(passkey=False)

        def is_scanned() -> bool:
            """The newest code; the page may be about to show another one."""
            with suppress(CodeNotShown):
                return (code := sink.codes[-1]) is not None and bool(web.sandbox.world.linking.scan(code.code))
            return False

        await sink.until(is_scanned)
        await sink.until_state(SessionState.CONNECTED)


@pytest.mark.parametrize("outcome", [PasskeyOutcome.SILENT, PasskeyOutcome.ERROR])
async def test_a_step_that_fails_after_the_passkey(web: WebWorld, person: Person, outcome: PasskeyOutcome) -> None:
    web.set(passkey_outcome=outcome, passkey_stage_ms=500)
    async with asked(web) as (driver, sink):
        await driver.answer_passkey(await person.answer(await request_of(sink)))
        await sink.until(lambda: sink.passkeys[-1] is None)
        await sink.until(lambda: sink.codes[-1])
        expected = "timeout" if outcome is PasskeyOutcome.SILENT else "server_error"
        assert expected in sink.situations[-1].text


async def test_a_page_that_reloads_ends_the_step(web: WebWorld) -> None:
    async with asked(web) as (_, sink):
        seen = len(sink.codes)
        web.sandbox.world.faults.reload()
        await sink.until(lambda: sink.passkeys[-1] is None)
        await sink.until(lambda: any(sink.codes[seen:]))
