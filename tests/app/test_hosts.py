"""A session that fails reports it, restarts, and affects no other session."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.app import Bridge
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.contract.errors import StartError
from bridge.contract.session import Reason, SessionState
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.ports import DriverSink
from tests.app.conftest import BridgeUnderTest
from tests.mosquitto_server import MosquittoServer, free_port
from tests.mqtt.probe import MqttProbe

ANA = "5491155500001@c.us"
CONNECTED, ERROR = SessionState.CONNECTED, SessionState.ERROR


async def test_a_damaged_store_is_kept_aside_reported_and_never_silently_replaced(
    tested: BridgeUnderTest, probe: MqttProbe
) -> None:
    await tested.start(haby=CONNECTED, otra=CONNECTED)
    tested.phones["haby"].incoming(ANA, "1")
    await probe.wait("wa/haby/in")
    await tested.stop()
    store = tested.store("haby")
    sound = store.read_bytes()
    store.write_bytes(sound[:4096] + b"\xff" * (len(sound) - 4096))
    await tested.start(otra=CONNECTED)
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "error" and "backup" in status["text"])
    assert said["reason"] == "store_unusable"
    (kept,) = store.parent.glob("store.db.corrupt-*")
    assert kept.name in said["text"]
    # the other session works, and this one never starts with an empty store, however often it is tried
    tested.phones["otra"].incoming(ANA, "2")
    await probe.wait("wa/otra/in")
    await asyncio.sleep(0.7)
    assert not store.exists()
    assert tested.state("haby") is ERROR
    # the operator puts a backup in its place
    store.write_bytes(sound)
    await tested.until(lambda: tested.state("haby") is CONNECTED)
    await probe.wait("wa/haby/status", lambda status: status["state"] == "connected" and status["last_seq"] == 1)


async def test_a_store_damaged_by_a_kill_is_found_and_set_aside_beside_the_session(
    tested: BridgeUnderTest, probe: MqttProbe
) -> None:
    await tested.start(haby=CONNECTED)
    tested.phones["haby"].incoming(ANA, "1")
    await probe.wait("wa/haby/in")
    store = tested.store("haby")
    files = {store: store.read_bytes(), store.with_name("store.db-wal"): store.with_name("store.db-wal").read_bytes()}
    await tested.stop()
    connection = sqlite3.connect(store)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pictures'").fetchone()
    connection.close()
    for file, content in files.items():  # as a kill leaves them
        file.write_bytes(content)
    with store.open("r+b") as damaged:
        damaged.seek((page - 1) * 4096)
        damaged.write(b"\xff" * 4096)
    await tested.start(otra=CONNECTED)
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    assert said["reason"] == "store_unusable"
    (kept,) = [file for file in store.parent.glob("store.db.corrupt-*") if not file.name.endswith(("-wal", "-shm"))]
    assert kept.name in said["text"]
    assert not store.exists()


async def test_an_unusable_folder_is_reported_until_it_is_usable(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    folder = tested.settings.session_dir("haby")
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    await tested.start(haby=ERROR, otra=CONNECTED)
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    assert str(folder) in said["text"]
    assert "WA_DATA_DIR" in said["text"]
    folder.unlink()
    await tested.until(lambda: tested.state("haby") is CONNECTED)


async def test_a_session_that_cannot_run_ends_offline_as_well(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    folder = tested.settings.session_dir("haby")
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    await tested.start(haby=ERROR)
    await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    await tested.stop()
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "offline")
    assert said["reason"] == "shut_down"


async def test_a_full_disk_is_reported_while_running_until_space_is_free(
    tested: BridgeUnderTest, probe: MqttProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested.limits = replace(tested.limits, disk=0.05)
    await tested.start(haby=CONNECTED)
    real = shutil.disk_usage
    monkeypatch.setattr("shutil.disk_usage", lambda path: real(path)._replace(free=0))
    await tested.until(lambda: tested.state("haby") is ERROR)
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    assert said["reason"] == "store_unusable"
    assert "Make room" in said["text"]
    monkeypatch.setattr("shutil.disk_usage", real)
    await tested.until(lambda: tested.state("haby") is CONNECTED)


async def test_a_fault_in_the_code_is_reported_and_the_session_restarts(
    tested: BridgeUnderTest, probe: MqttProbe
) -> None:
    faults = ["haby"]

    class Faulty(ScriptedDriver):
        async def run(self, sink: DriverSink) -> None:
            if faults and self._phone is tested.phones["haby"]:
                faults.pop()
                raise RuntimeError("a bug")
            await super().run(sink)

    tested.make_driver = Faulty
    await tested.start(otra=CONNECTED)
    said = await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    assert said["reason"] == "bridge_fault"
    assert "a bug" not in said["text"]  # the inside is for the log
    await tested.until(lambda: tested.state("haby") is CONNECTED)


async def test_each_failure_has_a_since_of_its_own(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    fails = True

    class Failing(ScriptedDriver):
        async def run(self, sink: DriverSink) -> None:
            if fails and self._phone is tested.phones["haby"]:
                raise RuntimeError("a bug")
            await super().run(sink)

    tested.make_driver = Failing
    await tested.start(haby=ERROR)
    first = await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    await probe.wait("wa/haby/status", lambda status: status["state"] == "error" and status["since"] > first["since"])
    fails = False
    await tested.until(lambda: tested.state("haby") is CONNECTED)


async def test_commands_for_a_session_in_error_wait_at_the_broker(tested: BridgeUnderTest, probe: MqttProbe) -> None:
    await tested.start(haby=CONNECTED)
    await probe.wait("wa/haby/status", lambda status: status["state"] == "connected")
    await tested.stop()
    store = tested.store("haby")
    aside = store.with_name("moved")
    store.rename(aside)
    store.mkdir()  # a folder is no store
    await tested.start(haby=ERROR)
    await probe.wait("wa/haby/status", lambda status: status["state"] == "error")
    await probe.publish("wa/haby/out", {"id": "a", "to": ANA, "message": "Hola"})
    await tested.until(lambda: not store.exists())  # kept aside
    aside.rename(store)
    await probe.result("a", "sent")


async def test_the_history_of_states_has_the_time_in_which_the_store_was_closed(tested: BridgeUnderTest) -> None:
    await tested.start(haby=CONNECTED)
    [host] = [host for host in tested.bridge.hosts if host.name == "haby"]
    first = host.session
    host._leaving.set()  # as when another bridge takes it over
    await tested.until(lambda: host.session not in (None, first) and tested.state("haby") is CONNECTED)
    await tested.stop()
    store = tested.store("haby")
    aside = store.with_name("moved")
    store.rename(aside)
    store.mkdir()  # a folder is no store
    await tested.start(haby=ERROR)
    await tested.until(lambda: not store.exists())  # kept aside
    aside.rename(store)
    await tested.until(lambda: tested.state("haby") is CONNECTED)
    [host] = [host for host in tested.bridge.hosts if host.name == "haby"]
    assert host.states is not None
    async with asyncio.timeout(10):
        while (await host.states.newest(1))[0].reason is not Reason.READY:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.005)
    said = [one.reason for one in reversed(await host.states.newest(100))]
    rests = (Reason.READY, Reason.OWNED_ELSEWHERE, Reason.SHUT_DOWN, Reason.STORE_UNUSABLE, Reason.BRIDGE_GONE)
    assert [reason for reason in said if reason in rests] == [
        Reason.READY,
        Reason.OWNED_ELSEWHERE,
        Reason.READY,
        Reason.SHUT_DOWN,
        Reason.STORE_UNUSABLE,
        Reason.READY,
    ]


async def test_no_task_is_left_after_a_stop(tested: BridgeUnderTest) -> None:
    tasks, threads = asyncio.all_tasks(), threading.enumerate()
    await tested.start(haby=CONNECTED, otra=CONNECTED)
    await tested.stop()
    assert asyncio.all_tasks() == tasks
    # the loop's own pool, which the sandbox of `to_thread` keeps, is not of the bridge
    left = [
        thread for thread in threading.enumerate() if thread not in threads and not thread.name.startswith("asyncio_")
    ]
    assert left == []
    assert {host.view.situation.state for host in tested.bridge.hosts} == {SessionState.OFFLINE}
    assert [phone.listener for phone in tested.phones.values()] == [None, None]


@pytest.mark.parametrize("after", [0.0, 0.5])
async def test_a_stop_without_a_broker_is_quick(
    tested: BridgeUnderTest, mosquitto: MosquittoServer, after: float
) -> None:
    mosquitto.stop()
    await tested.start()
    await asyncio.sleep(after)
    started = time.monotonic()
    await tested.stop()
    assert time.monotonic() - started < 3


async def test_a_stop_while_the_broker_is_gone_is_quick(tested: BridgeUnderTest, mosquitto: MosquittoServer) -> None:
    await tested.start(haby=CONNECTED, otra=CONNECTED)
    mosquitto.kill()
    await asyncio.sleep(0.2)
    started = time.monotonic()
    await tested.stop()
    assert time.monotonic() - started < 5


async def test_whatsapp_works_while_no_broker_does(tested: BridgeUnderTest, mosquitto: MosquittoServer) -> None:
    tested.limits = replace(tested.limits, ownership=0.3)
    mosquitto.stop()
    await tested.start(haby=CONNECTED, otra=CONNECTED)


async def test_two_bridges_cannot_have_one_data_directory(tested: BridgeUnderTest) -> None:
    await tested.start(haby=CONNECTED)
    second = Bridge(
        tested.settings,
        parse_addresses(tested.url),
        lambda _: ScriptedDriver(ScriptedPhone(SystemClock())),
        SystemClock(),
    )
    with pytest.raises(StartError, match=r"Another bridge \(process \d+\) uses the data directory"):
        await second.run()
    assert tested.state("haby") is CONNECTED


async def test_a_data_directory_that_cannot_be_written_ends_the_start(tmp_path: Path, tested: BridgeUnderTest) -> None:
    place = tmp_path / "a file"
    place.write_text("")
    tested.settings = tested.settings.model_copy(update={"data_dir": place / "data"})
    await tested.start()
    with pytest.raises(StartError, match="WA_DATA_DIR"):
        await tested.until(lambda: False)
    tested.running = None


async def test_an_owner_keeps_its_name_over_restarts_and_directories_distinguish_bridges(
    tested: BridgeUnderTest, probe: MqttProbe, tmp_path: Path
) -> None:
    owners = []
    for directory in ("data", "data", "other"):
        tested.settings = tested.settings.model_copy(update={"data_dir": tmp_path / directory})
        known = len(probe.on("wa/haby/status"))
        await tested.start(haby=CONNECTED)
        heard = await probe.count("wa/haby/status", known + 1)
        owners.append(heard[known]["owner"])
        await tested.stop()
        await probe.state("offline")
    assert owners[0] == owners[1] != owners[2]
    assert all(owner.startswith("test:") for owner in owners)


async def test_a_broker_that_is_not_running_yet_is_waited_for(tested: BridgeUnderTest, tmp_path: Path) -> None:
    server = MosquittoServer(tmp_path / "later", port=free_port())
    tested.url = server.url("bridge")
    await tested.start()
    await asyncio.sleep(0.3)
    with server:
        await tested.until(lambda: tested.state("haby") is CONNECTED)
        await tested.stop()
