"""A site that lacks functions which the driver needs: noticed before a login, and never confused with a slow load."""

from __future__ import annotations

from dataclasses import replace

from bridge.contract.session import Reason, SessionState
from tests.drivers.worlds import ANA, WebWorld
from tests.states.conftest import QUICK, Live

S, R = SessionState, Reason
SEND_MODULE = "WAWebSendMsgChatAction"


async def test_a_changed_site_is_reported_instead_of_a_qr_code(live: Live, web: WebWorld) -> None:
    web.set(missing_modules=[SEND_MODULE])
    async with live() as life:
        changed = await life.reach(S.PAGE_CHANGED, R.MODULE_MISSING)
        assert changed.detail == "missing: functions.addAndSendMsgToChat"
        assert S.PAIRING not in [situation.state for situation in life.situations]
        assert life.session.view.qr is None
        web.set(missing_modules=[])
        await life.reach(S.PAIRING, R.SCAN_QR)
        await life.until(lambda: life.session.view.qr)


async def test_a_site_that_loads_in_parts_has_not_changed(live: Live, web: WebWorld) -> None:
    web.set(missing_modules=[SEND_MODULE, "WAWebMsgKey"], late_modules_ms=3000)
    async with live(limits=replace(QUICK, missing_functions=10)) as life:
        await life.reach(S.PAIRING, R.SCAN_QR)
        await life.until(lambda: life.session.view.qr)
        assert S.PAGE_CHANGED not in [situation.state for situation in life.situations]
        web.pair()
        await life.reach(S.CONNECTED)
        web.incoming(ANA, "after the pairing")
        assert [item["body"] for item in await life.inbox(1)] == ["after the pairing"]
