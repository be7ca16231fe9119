"""A bridge that shares a session: a person's request ends in time, a watchdog that does not start ends nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.app.clock import SystemClock
from bridge.app.lease_keeper import LeaseKeeper
from bridge.app.watchdog import Watchdog
from bridge.broker import BrokerOptions, parse_addresses
from bridge.contract.leases import ClaimState, LeaseClaim
from bridge.contract.payload import instant
from bridge.contract.session import Reason
from bridge.contract.topics import Topics
from bridge.core.lease import LeaseTimes
from bridge.drivers import driver_kind
from bridge.mqtt import MqttOptions
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import mqtt_probe

TIMES = LeaseTimes(
    duration=2.1, renewal=0.5, settle=0.6, margin=0.1, closing=0.4, stagger=0.25, retained=0.2, request=1.0
)
BRIDGES = ("north", "south")


@asynccontextmanager
async def keeper(
    folder: Path, mosquitto: MosquittoServer, watchdog: Watchdog | None = None
) -> AsyncIterator[LeaseKeeper]:
    broker = BrokerOptions(parse_addresses(mosquitto.url("bridge")), client_id="test", clean=True)
    made = LeaseKeeper(
        "haby",
        folder,
        BRIDGES,
        MqttOptions(broker, Topics(), "south:bb"),
        SystemClock(),
        asyncio.Event(),
        login=driver_kind("web").login,
        watchdog=watchdog,
        times=TIMES,
    )
    running = asyncio.create_task(made.run(), name="keeper")
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def publish_claim(mosquitto: MosquittoServer, state: ClaimState) -> None:
    claim = LeaseClaim(
        session="haby", owner="north:aa", term=3, renewal=1, state=state, until=instant(0.0), at=instant(0.0)
    )
    async with mqtt_probe(mosquitto.url("bridge")) as north:
        await north.publish("wa/haby/lease", claim.to_json(), retain=True)


async def test_a_request_that_its_owner_did_not_follow_shows_no_code_days_later(
    tmp_path: Path, mosquitto: MosquittoServer
) -> None:
    await publish_claim(mosquitto, ClaimState.OWNED)
    async with keeper(tmp_path, mosquitto) as south:
        south.hand_over("south")
        await asyncio.sleep(TIMES.request)
        await publish_claim(mosquitto, ClaimState.RELEASED)  # the owner is restarted
        await asyncio.sleep(TIMES.duration + TIMES.settle + 1)
        assert not south.holds()
        situation = await south.elsewhere(in_standby=True)
        assert situation is not None
        assert situation.reason is Reason.LOGIN_MISSING
        south.hand_over("south")
        await until(south.holds)


@pytest.mark.parametrize("starts", [True, False])
async def test_a_watchdog_that_does_not_start_fails_this_session_alone(
    tmp_path: Path, mosquitto: MosquittoServer, *, starts: bool
) -> None:
    async with (
        Watchdog(("cat",) if starts else (str(tmp_path / "missing"),)) as watchdog,
        keeper(tmp_path, mosquitto, watchdog) as south,
    ):
        south.hand_over("south")
        await until(south.holds)
        if starts:
            assert await south.elsewhere(in_standby=True) is None
        else:
            with pytest.raises(FileNotFoundError):
                await south.elsewhere(in_standby=True)
        await south.left(failed=not starts)
        assert not south.holds()
