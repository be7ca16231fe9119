"""Every session state that a page can cause, with its reason, and no transition that the state table forbids.

A forbidden transition raises in the session and ends the test.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.contract.controls import ControlAction
from bridge.contract.errors import Refused
from bridge.contract.session import Reason, SessionState
from bridge.sandbox.linked_devices import Slot
from bridge.sandbox.records import ACCOUNT, BlockReason, LogoutReason, Site
from tests.drivers.worlds import ANA, page_of
from tests.loopback import http_client
from tests.states.conftest import QUICK, Live

S, R = SessionState, Reason
NUMBER = ACCOUNT.partition("@")[0]


async def test_from_a_site_that_is_down_to_a_login_by_pairing_code(live: Live) -> None:
    async with live() as life:
        world = life.web.sandbox.world

        def site(kind: Site) -> None:
            life.web.set(site=kind)

        site(Site.ERROR)
        assert (await life.reach(S.UNREACHABLE, R.SITE_UNREACHABLE)).detail == "HTTP 500"
        site(Site.MAINTENANCE)
        assert "down for maintenance" in (await life.reach(S.UNREACHABLE, R.SITE_BROKEN)).text
        seen = len(life.situations)
        site(Site.BLANK)
        life.web.set(first_ref_ttl_ms=400, ref_ttl_ms=400, refs_before_idle=2)
        await life.until(lambda: life.situations[seen:])
        assert life.situations[seen].detail == "blank"
        site(Site.NORMAL)
        await life.reach(S.PAIRING, R.SCAN_QR)
        await life.until(lambda: life.session.view.qr)
        await life.reach(S.PAIRING, R.QR_EXPIRED)
        life.web.set(first_ref_ttl_ms=60_000)
        await life.reach(S.PAIRING, R.SCAN_QR)

        with pytest.raises(Refused):
            await life.session.control(ControlAction.INIT, phone="5491155509999")
        await life.until(lambda: "refuses 5491155509999" in life.session.view.situation.text)
        await life.session.control(ControlAction.INIT, phone=NUMBER)
        await life.reach(S.PAIRING, R.TYPE_LINK_CODE)
        await life.until(lambda: life.session.view.qr.link_code)
        code = life.session.view.qr.link_code
        await life.session.control(ControlAction.INIT, phone=NUMBER)  # wa-js reports no new code for a repeated request
        for _ in range(3):  # the page is queried after its next report, and the third one shows the result
            world.linking.rotate(next(iter(world.linking.slots.values())))
            await asyncio.sleep(QUICK.report * 2)
        assert (life.session.view.qr.link_code, life.session.view.qr.code) == (code, code)
        life.web.set(sync_ms=2500)
        async with http_client(life.web.sandbox.api_url) as phone:
            assert (await phone.post("/link_code", json={"code": "WRONG123"})).status_code == 404
            assert (await phone.post("/link_code", json={"code": code})).is_success
        await life.reach(S.AUTHENTICATED, R.SYNCING)
        assert life.session.view.qr is None
        await life.reach(S.CONNECTED, R.READY)
        assert len(world.linking.devices) == 1


async def test_faults_of_a_connected_session(live: Live) -> None:
    async with live(paired=True) as life:
        world = life.web.sandbox.world

        life.web.link(up=False)
        await life.reach(S.RECONNECTING, R.LINK_DOWN)
        life.web.link(up=True)
        await life.reach(S.CONNECTED)

        life.web.link(up=False)  # for minutes, on the scale of the test's limits
        await life.reach(S.RECONNECTING, R.LINK_DOWN)
        await life.reach(S.RECONNECTING, R.PAGE_STUCK)
        await life.reach(S.CONNECTING, R.PAGE_LOADING)
        life.web.incoming(ANA, "meanwhile")
        life.web.link(up=True)
        await life.reach(S.CONNECTED)

        world.faults.outdate()
        await life.reach(S.RECONNECTING, R.PAGE_OUTDATED)
        await life.reach(S.CONNECTED)

        world.faults.reload()
        await life.reach(S.CONNECTING, R.PAGE_LOADING)
        life.web.incoming(ANA, "during the reload")
        await life.reach(S.CONNECTED)

        for kind, state, reason in [
            (BlockReason.TEMPORARY_BAN, S.ERROR, R.ACCOUNT_BLOCKED),
            (BlockReason.SERVICE_UNAVAILABLE, S.RECONNECTING, R.SERVICE_UNAVAILABLE),
        ]:
            world.faults.block(kind)
            await life.reach(state, reason)
            await life.reach(S.RECONNECTING, R.PAGE_STUCK)  # it is retried
            world.faults.block(None)
            await life.reach(S.CONNECTED)

        world.faults.block(BlockReason.CLIENT_EXPIRED)
        await life.reach(S.PAGE_CHANGED, R.CLIENT_EXPIRED)
        seen = len(life.situations)
        world.faults.block(None)
        await life.reach(S.CONNECTED)
        reasons = [situation.reason for situation in life.situations[seen:]]
        assert reasons == [R.PAGE_LOADING, R.CATCHING_UP, R.READY]  # no load in between was a change

        life.web.set(missing_modules=["WAWebSendMsgChatAction"])
        world.faults.reload()
        changed = await life.reach(S.PAGE_CHANGED, R.MODULE_MISSING)
        assert changed.detail == "missing: functions.addAndSendMsgToChat"
        life.web.set(missing_modules=[])
        await life.reach(S.CONNECTED)

        assert [(m["body"], m["late"]) for m in await life.inbox()] == [
            ("meanwhile", True),
            ("during the reload", True),
        ]
        status = life.session.status()
        assert status.memory is not None
        assert min(status.memory.browser_mb, status.memory.bridge_mb) > 10
        assert status.memory.driver_mb > 10


async def test_what_follows_a_page_that_had_expired_is_reported(live: Live) -> None:
    async with live(paired=True, limits=replace(QUICK, stuck=12.0, no_link=1.0)) as life:
        world = life.web.sandbox.world
        world.faults.block(BlockReason.CLIENT_EXPIRED)
        await life.reach(S.PAGE_CHANGED, R.CLIENT_EXPIRED)
        world.faults.block(BlockReason.TEMPORARY_BAN)
        await life.reach(S.ERROR, R.ACCOUNT_BLOCKED)

        world.faults.block(BlockReason.CLIENT_EXPIRED)
        await life.reach(S.PAGE_CHANGED, R.CLIENT_EXPIRED)
        life.web.link(up=False)
        await life.reach(S.RECONNECTING, R.PAGE_STUCK)
        await life.reach(S.RECONNECTING, R.LINK_DOWN)


async def test_a_page_that_shows_no_code_after_a_logout_is_loaded_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(paired=True, limits=replace(QUICK, stuck=12.0)) as life:
        linking = life.web.sandbox.world.linking
        open_slot = linking.open_slot

        def without_code() -> Slot:
            monkeypatch.undo()
            slot: Slot = open_slot()
            slot.ref = ""
            return slot

        monkeypatch.setattr(linking, "open_slot", without_code)
        life.web.log_out()
        await life.reach(S.LOGGED_OUT, R.LOGGED_OUT_BY_PHONE)
        assert (await life.reach(S.RECONNECTING)).reason is R.PAGE_STUCK
        await life.reach(S.PAIRING, R.SCAN_QR)


async def test_a_page_that_has_lost_its_code_for_good_is_loaded_again(live: Live) -> None:
    async with live(limits=replace(QUICK, stuck=12.0)) as life:
        await life.reach(S.PAIRING, R.SCAN_QR)
        await life.until(lambda: life.session.view.qr)
        await page_of(life.driver).evaluate("() => { WPP.whatsapp.Socket.state = 'OPENING'; }")
        await life.until(lambda: life.session.view.qr is None)
        await life.reach(S.RECONNECTING, R.PAGE_STUCK)
        await life.until(lambda: life.session.view.qr)


async def test_control_actions(live: Live) -> None:
    async with live(paired=True) as life:
        world, control = life.web.sandbox.world, life.session.control

        for action in (ControlAction.INIT, ControlAction.RESTART):
            world.faults.replace()
            await life.reach(S.CONFLICT, R.OPENED_ELSEWHERE)
            await asyncio.sleep(3 * QUICK.replaced)  # nothing takes the connection back without a request
            assert life.session.view.situation.state is S.CONFLICT
            await control(action)
            await life.reach(S.CONNECTED)

        [device] = world.linking.devices
        world.linking.log_out(device, reason=LogoutReason.ACCOUNT_LOCKED)
        await life.reach(S.LOGGED_OUT, R.ACCOUNT_LOCKED)
        await life.reach(S.PAIRING, R.SCAN_QR)
        await life.until(lambda: life.session.view.qr)
        life.web.pair()
        await life.reach(S.CONNECTED)

        await control(ControlAction.CLOSE)
        await life.reach(S.STOPPED, R.CLOSED_ON_REQUEST)
        assert life.driver.memory is None
        await control(ControlAction.INIT)
        await life.reach(S.CONNECTED)
        assert len(world.linking.devices) == 1

        await control(ControlAction.LOGOUT)
        await life.reach(S.LOGGED_OUT, R.LOGGED_OUT_ON_REQUEST)
        assert world.linking.devices == {}
