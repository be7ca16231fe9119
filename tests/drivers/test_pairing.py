"""Pairing on the double: every code that the driver shows is one that a phone takes, and no other is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bridge.contract.details import RefusalDetail
from bridge.contract.errors import Cancelled, Refused
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web.refusals import refused_pairing
from bridge.ports import DriverUnavailable, PairingCode
from bridge.sandbox.linked_devices import CodeNotShown, Slot
from bridge.sandbox.records import ACCOUNT
from tests.drivers.recording import RecordingSink, running
from tests.drivers.worlds import LIMITS, WebWorld

NUMBER = ACCOUNT.partition("@")[0]


def newest(sink: RecordingSink) -> PairingCode | None:
    return sink.codes[-1] if sink.codes else None


async def shown(sink: RecordingSink, *, link: bool = False, but: str = "") -> PairingCode:
    """The code on show: a QR code, or with `link` a pairing code; another one than `but`."""

    def fits() -> bool:
        code = newest(sink)
        return code is not None and (code.link_code is not None) is link and code.code != but

    await sink.until(fits)
    code = newest(sink)
    assert code is not None
    return code


async def until(condition: Callable[[], object]) -> None:
    """For what no driver reports."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def slot_of(web: WebWorld) -> Slot:
    (slot,) = web.sandbox.world.linking.slots.values()
    return slot


@pytest.mark.parametrize("prefix", [False, True])
async def test_the_code_is_the_text_that_the_page_draws(web: WebWorld, prefix: bool) -> None:
    web.set(qr_prefix=prefix, first_ref_ttl_ms=33_000)
    async with running(web.web_driver()) as sink:
        code = await shown(sink)
        assert code.code.startswith("https://wa.me/settings/linked_devices#2@" if prefix else "2@")
        rotates_at = slot_of(web).rotates_at
        assert rotates_at is not None
        assert code.expires_at == pytest.approx(rotates_at, abs=3)
        web.sandbox.world.linking.scan(code.code)
        await sink.until_state(SessionState.CONNECTED)


async def test_a_page_that_draws_no_code_is_read_without_it(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        drawn = await shown(sink)
        page = driver._page_loop.page
        assert page is not None
        await page._page.evaluate("() => document.querySelector('#qr').remove()")
        slot = slot_of(web)
        web.sandbox.world.linking.rotate(slot)
        code = await shown(sink, but=drawn.code)
        assert code.code == slot.qr_text


async def test_no_dead_code_is_shown_when_the_codes_run_out(web: WebWorld) -> None:
    web.set(first_ref_ttl_ms=1500, ref_ttl_ms=1500, refs_before_idle=1)
    async with running(web.web_driver()) as sink:
        first = await shown(sink)
        await sink.until(lambda: any(s.reason is Reason.QR_EXPIRED for s in sink.situations))
        assert None in sink.codes
        web.set(first_ref_ttl_ms=60_000)
        await until(lambda: slot_of(web).ttl_ms == 60_000)
        again = await shown(sink, but=first.code)
        web.sandbox.world.linking.scan(again.code)


async def test_a_pairing_code_outlives_the_qr_codes(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await shown(sink)
        await driver.link_by_phone(NUMBER)
        code = await shown(sink, link=True)
        slot = slot_of(web)
        assert code.code == code.link_code  # the QR code is dead while the pairing code lives
        assert code.expires_at == pytest.approx(slot.link_code_until, abs=5)
        web.set(ref_ttl_ms=100, refs_before_idle=1)
        web.sandbox.world.linking.rotate(slot)
        await until(lambda: not slot.ref)
        await asyncio.sleep(LIMITS.report * 5)  # long enough for a refresh, which would kill the code
        assert newest(sink) == code
        web.sandbox.world.linking.type_code(code.code)
        await sink.until_state(SessionState.CONNECTED)


async def test_a_pairing_code_is_renewed_when_it_ends(web: WebWorld) -> None:
    web.set(link_code_ttl_ms=1500)
    driver = web.web_driver(limits=replace(LIMITS, link_code=1.5))
    async with running(driver) as sink:
        await shown(sink)
        await driver.link_by_phone(NUMBER)
        first = await shown(sink, link=True)
        seen = len(sink.codes)
        second = await shown(sink, link=True, but=first.code)
        assert all(code is None or code.link_code for code in sink.codes[seen:])
        with pytest.raises(CodeNotShown):
            web.sandbox.world.linking.type_code(first.code)
        third = await shown(sink, link=True, but=second.code)
        web.sandbox.world.linking.type_code(third.code)


async def test_after_a_pairing_code_that_failed_there_is_a_valid_qr_code(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        before = await shown(sink)
        with pytest.raises(Refused, match="refuses 5491155509999") as refused:
            await driver.link_by_phone("5491155509999")
        assert refused.value.detail == RefusalDetail.PAIRING_NUMBER
        assert "Check that it is the number" in refused.value.text
        await sink.until(lambda: "refuses 5491155509999" in sink.situations[-1].text)
        code = await shown(sink, but=before.code)
        assert code.code == slot_of(web).qr_text
        await driver.link_by_phone(NUMBER)
        code = await shown(sink, link=True)
        for _ in range(4):
            with pytest.raises(CodeNotShown):
                web.sandbox.world.linking.type_code("WRONG123")
        after = await shown(sink)
        web.sandbox.world.linking.scan(after.code)
        await sink.until_state(SessionState.CONNECTED)


async def test_a_refused_number_is_not_requested_again_by_the_next_load(web: WebWorld) -> None:
    driver = web.web_driver()
    async with running(driver) as sink:
        await shown(sink)
        with pytest.raises(Refused):
            await driver.link_by_phone("5491155509999")
        before = await shown(sink)
        seen = len(sink.situations)
        page = driver._page_loop.page
        assert page is not None
        await page._page.reload()
        await shown(sink, but=before.code)
        await asyncio.sleep(LIMITS.report * 5)  # long enough for a request
        assert not any("refuses" in situation.text for situation in sink.situations[seen:])


async def test_a_request_for_a_pairing_code_ends_with_the_code_the_login_or_the_session(web: WebWorld) -> None:
    driver = web.web_driver(limits=replace(LIMITS, linking=0.5))
    with pytest.raises(DriverUnavailable, match=r"no pairing code within 0\.5 s"):
        await driver.link_by_phone(NUMBER)  # nothing runs
    driver = web.web_driver()
    early = asyncio.create_task(driver.link_by_phone(NUMBER))
    async with running(driver) as sink:
        await early  # asked before the browser was there
        code = await shown(sink, link=True)
        await driver.link_by_phone(NUMBER)  # the same code lives
        web.sandbox.world.linking.type_code(code.code)
        await sink.until_state(SessionState.CONNECTED)
        await driver.link_by_phone(NUMBER)  # it is logged in
    web.sandbox.world.linking.log_out(next(iter(web.sandbox.world.linking.devices)))
    web.link(up=False)  # the page's request to WhatsApp waits for the link
    async with running(driver) as sink:
        first = asyncio.create_task(driver.link_by_phone(NUMBER))
        await asyncio.sleep(0)
        second = asyncio.create_task(driver.link_by_phone(NUMBER))
        with pytest.raises(Cancelled):
            await first
    with pytest.raises(DriverUnavailable, match="closed"):
        await second


@pytest.mark.parametrize(
    ("text", "code", "transient"),
    [
        ("rate-overlimit", "limit_reached", True),
        ("IQ error 429: rate-overlimit.", "limit_reached", True),
        ("bad-request (400)", "refused", False),
        (None, "refused", False),
    ],
)
def test_a_pairing_code_that_was_asked_for_too_often_is_no_wrong_number(
    text: str | None, code: str, transient: bool
) -> None:
    error = refused_pairing(text)
    assert (error.code, error.transient) == (code, transient)
    assert "scan the QR code" in error.text
