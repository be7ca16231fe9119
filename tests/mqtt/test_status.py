"""The retained status: it tells the truth, also when the bridge cannot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.payload import rfc3339
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.conftest import Side
from tests.mqtt.ear import Ear, hearing
from tests.mqtt.programs import bridge_program

STATUS, QR = "wa/haby/status", "wa/haby/qr"


def of_other(state: str = "connected", *, age: float = 0, owner: str = "other:1") -> dict[str, Any]:
    at = rfc3339(datetime.now(UTC) - timedelta(seconds=age))
    return {
        "v": 1,
        "session": "haby",
        "state": state,
        "reason": "ready",
        "text": "",
        "since": at,
        "at": at,
        "owner": owner,
    }


async def test_the_status_is_retained_and_follows_every_state(side: Side, ear: Ear, mosquitto: MosquittoServer) -> None:
    await side.start()
    side.phone.link(up=False)
    await ear.state("reconnecting")
    side.phone.link(up=True)
    await ear.state("connected")
    async with hearing(mosquitto.url("reader")) as late:
        status = SessionStatus.model_validate(await late.wait(STATUS))
        assert next(delivery for delivery in late.heard if delivery.topic == STATUS).retain
    assert (status.state, status.interval, status.owner.split(":")[0]) == (SessionState.CONNECTED, 15, "test")
    assert status.epoch == side.session._journal.epoch


async def test_a_clean_end_says_so(side: Side, ear: Ear) -> None:
    await side.start()
    await side.stop()
    status = await ear.state("offline")
    assert status["reason"] == "shut_down"
    assert (await ear.wait("wa/bridge/test/status", lambda bridge: bridge["state"] == "offline"))["instance"] == "test"


async def test_a_process_that_dies_is_told_by_its_will(ear: Ear, mosquitto: MosquittoServer, tmp_path: Path) -> None:
    async with bridge_program(mosquitto.url("bridge"), tmp_path / "data") as program:
        await ear.state("connected", within=20)
        program.kill()
        status = await ear.state("offline")
    assert status["reason"] == "bridge_gone"
    assert (await ear.wait("wa/bridge/test/status", lambda bridge: bridge["state"] == "offline"))["v"] == 1


async def test_sigterm_ends_the_process_with_a_farewell(ear: Ear, mosquitto: MosquittoServer, tmp_path: Path) -> None:
    async with bridge_program(mosquitto.url("bridge"), tmp_path / "data") as program:
        await ear.state("connected", within=20)
        program.terminate()
        assert await asyncio.wait_for(program.wait(), 10) == 0
    assert (await ear.state("offline"))["reason"] == "shut_down"


async def test_a_heartbeat_renews_the_status(side: Side, ear: Ear) -> None:
    side.limits = replace(side.limits, mqtt=replace(side.limits.mqtt, heartbeat=0.2, figures=0.1))
    await side.start()
    known = len(ear.on(STATUS))
    heard = await ear.count(STATUS, known + 3)
    moments = [status["at"] for status in heard[known:]]
    assert moments == sorted(set(moments))
    assert len({status["since"] for status in heard[known:]}) == 1


async def test_figures_come_once_a_second_at_most(side: Side, ear: Ear) -> None:
    await side.start()
    await asyncio.sleep(1.1)
    known = len(ear.on(STATUS))
    for number in range(40):
        side.phone.incoming("5491155500001@c.us", str(number))
        await asyncio.sleep(0.05)
    await ear.wait(STATUS, lambda status: status["last_seq"] == 40)
    assert 1 <= len(ear.on(STATUS)) - known <= 4


async def test_a_code_is_retained_and_cleared_when_it_is_used(side: Side, ear: Ear, mosquitto: MosquittoServer) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    shown = await ear.wait(QR, lambda code: isinstance(code, dict))
    assert shown["code"].startswith("2@scripted1,")
    side.phone.pair()
    await ear.state("connected")
    assert ear.on(QR)[-1] == b""
    async with hearing(mosquitto.url("admin")) as late:
        await late.wait(STATUS)
        assert late.on(QR) == []


async def test_a_code_of_an_earlier_run_is_cleared_at_the_start(
    side: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    async with hearing(mosquitto.url("bridge")) as other:
        await other.publish(
            QR, {"v": 1, "session": "haby", "code": "2@old", "expires_at": rfc3339(datetime.now(UTC))}, retain=True
        )
    await ear.wait(QR)
    await side.start()
    assert ear.on(QR)[-1] == b""


async def test_a_session_of_another_owner_is_left_alone_until_it_is_offline(
    side: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    async with hearing(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
        await side.start(until=SessionState.STANDBY)
        assert side.bridge.hosts[0].session is None
        assert side.phone.listener is None
        bridge = await ear.wait("wa/bridge/test/status")
        assert set(bridge["sessions"]) == {"haby"}
        await other.publish(STATUS, of_other("offline"), retain=True)
    await side.until(lambda: side.phone.listener is not None)
    await ear.state("connected")


async def test_who_started_without_a_broker_asks_it_before_the_session_is_claimed(
    side: Side, ear: Ear, mosquitto: MosquittoServer
) -> None:
    side.limits = replace(side.limits, ownership=0.3)
    async with hearing(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
    mosquitto.stop()
    side.ear = None
    await side.start()
    mosquitto.start()
    await side.until(lambda: side.bridge.hosts[0].view.situation.state is SessionState.STANDBY)
    assert side.phone.listener is None
    async with hearing(mosquitto.url("admin")) as again:
        assert (await again.wait(STATUS))["owner"] == "other:1"


@pytest.mark.parametrize(
    "status",
    [of_other(age=46), of_other(owner=""), {"not": "ours"}, of_other("offline")],
    ids=["stale", "own", "strange", "offline"],
)
async def test_a_status_that_names_no_living_owner_holds_up_nobody(
    side: Side, ear: Ear, mosquitto: MosquittoServer, status: dict[str, Any]
) -> None:
    if status.get("owner") == "":
        await side.start()
        await side.break_off()  # no farewell: the status still says `connected`, by this very bridge
    else:
        async with hearing(mosquitto.url("bridge")) as other:
            await other.publish(STATUS, status, retain=True)
    await side.start()


async def test_standby_lasts_while_the_broker_is_away(side: Side, ear: Ear, mosquitto: MosquittoServer) -> None:
    side.limits = replace(side.limits, ownership=0.3)
    async with hearing(mosquitto.url("bridge")) as other:
        await other.publish(STATUS, of_other(), retain=True)
    await side.start(until=SessionState.STANDBY)
    mosquitto.stop()
    await asyncio.sleep(1.0)
    assert side.bridge.hosts[0].view.situation.state is SessionState.STANDBY
    assert side.phone.listener is None


async def test_the_bridge_tells_of_itself(side: Side, ear: Ear) -> None:
    await side.start()
    bridge = await ear.wait("wa/bridge/test/status")
    assert (bridge["state"], bridge["instance"], bridge["interval"]) == ("online", "test", 15)
    assert next(delivery for delivery in ear.heard if delivery.topic == "wa/bridge/test/status").retain is False
