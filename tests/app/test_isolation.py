"""A dozen sessions in one process: one whose browser dies again and again, and one whose store is broken, leave the
others' figures alone."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import replace

import pytest

from bridge.app.clock import SystemClock
from bridge.contract.controls import ControlAction
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.mqtt import MqttLimits
from bridge.ports import DriverSink
from bridge.setting_types import SessionSetting
from tests.app.conftest import BridgeUnderTest
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"
CONNECTED, ERROR = SessionState.CONNECTED, SessionState.ERROR
HEALTHY = [f"s{number}" for number in range(11)]
ROUNDS = 15
#: Starts of the failing session that are waited for: one in three hung its host while a cancellation could get lost.
DEATHS = 12


class DyingDriver(ScriptedDriver):
    """Of the session `haby`, while `dying`: its browser ends as soon as it has started."""

    dying = False
    deaths = 0

    async def run(self, sink: DriverSink) -> None:
        if DyingDriver.dying and self._phone is DyingDriver.victim:
            DyingDriver.deaths += 1
            raise RuntimeError("the browser died")
        await super().run(sink)

    victim: ScriptedPhone


class Arrivals:
    """Counts what arrives, each delivery once: the probe and the bridge share a loop."""

    def __init__(self, probe: MqttProbe) -> None:
        self._probe = probe
        self._seen = 0
        self._counts: Counter[str] = Counter()

    async def reach(self, number: int) -> None:
        """Wait until each healthy session has published this number of messages."""
        async with asyncio.timeout(30):
            while min(self._counts[f"wa/{name}/in"] for name in HEALTHY) < number:
                await asyncio.sleep(0.002)
                new = self._probe.received[self._seen :]
                self._seen += len(new)
                self._counts.update(delivery.topic for delivery in new)


async def receive(tested: BridgeUnderTest, arrivals: Arrivals, begin: int) -> list[float]:
    """Seconds of each round: a message for each healthy session, until all of them are published."""
    rounds: list[float] = []
    for number in range(begin, begin + ROUNDS):
        began = time.perf_counter()
        for name in HEALTHY:
            tested.phones[name].incoming(ANA, f"{number}")
        await arrivals.reach(number + 1)
        rounds.append(time.perf_counter() - began)
    return rounds


async def test_failing_sessions_leave_the_others_alone(
    tested: BridgeUnderTest, probe: MqttProbe, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = [SessionSetting("haby", 51), SessionSetting("rota", 52), *(SessionSetting(name, 60) for name in HEALTHY)]
    tested.settings = tested.settings.model_copy(update={"sessions": tuple(sessions)})
    tested.phones = {session.name: ScriptedPhone(SystemClock(), paired=True) for session in sessions}
    tested.limits = replace(tested.limits, retry=0.05, ownership=2.0, mqtt=MqttLimits(retained=0.1))
    tested.make_driver, DyingDriver.victim = DyingDriver, tested.phones["haby"]
    DyingDriver.dying, DyingDriver.deaths = False, 0
    tested.store("rota").parent.mkdir(parents=True)
    tested.store("rota").write_bytes(b"no database" * 1000)
    await tested.start(**dict.fromkeys(["haby", *HEALTHY], CONNECTED), rota=ERROR)
    arrivals = Arrivals(probe)
    quiet = await receive(tested, arrivals, 0)

    haby = next(host for host in tested.bridge.hosts if host.name == "haby")
    assert haby.session is not None
    DyingDriver.dying = True
    await haby.session.control(ControlAction.RESTART)
    await tested.until(lambda: DyingDriver.deaths > 0)
    beside_a_dying_browser = await receive(tested, arrivals, ROUNDS)
    for number in range(2, DEATHS + 1):
        await tested.until(lambda number=number: DyingDriver.deaths >= number)  # type: ignore[misc]
    assert tested.state("rota") is ERROR

    for name in HEALTHY:
        assert [message["seq"] for message in probe.on(f"wa/{name}/in")] == list(range(1, 2 * ROUNDS + 1))
        [host] = [host for host in tested.bridge.hosts if host.name == name]
        assert (host.view.situation.state, host.view.losses) == (CONNECTED, 0)
    median = statistics.median(quiet)
    assert statistics.median(beside_a_dying_browser) < 5 * median + 0.05
    DyingDriver.dying = False
    await tested.until(lambda: tested.state("haby") is CONNECTED)
    assert "a new epoch begins" not in caplog.text
