"""The private broker, as a mosquitto child and as amqtt: one per directory, restarted, stopped with its owner."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from bridge.broker import (
    BrokerAddress,
    BrokerConnection,
    BrokerDown,
    BrokerOptions,
    BrokerRefused,
    connect,
    keep_connected,
)
from bridge.contract.errors import Conflict, InvalidRequest, StartError
from bridge.ops.mosquitto import BrokerDirectory
from bridge.ops.mosquitto.private_users import PrivateBrokerUsers
from bridge.ops.private_broker import private_broker, read_broker_json
from bridge.ops.private_broker.child import tied_command
from bridge.ports.broker_users import ClientRole
from tests.broker.conftest import read
from tests.parts import require_binary

ROOT = Path(__file__).parent.parent.parent

# Runs a private broker until it is killed; prints the broker's pid.
OWNER = """
import asyncio, pathlib, sys
from bridge.ops.private_broker import private_broker

async def main():
    async with private_broker(pathlib.Path(sys.argv[1])):
        print(pathlib.Path(sys.argv[1], "broker", "mosquitto.pid").read_text(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(params=["mosquitto", None], ids=["mosquitto", "amqtt"])
def binary(request: pytest.FixtureRequest) -> str | None:
    if request.param:
        return require_binary("mosquitto", "mosquitto")
    return None


@pytest.fixture
def mosquitto_binary() -> str:
    return require_binary("mosquitto", "mosquitto")


def options(address: BrokerAddress, client_id: str = "test", *, clean: bool = True) -> BrokerOptions:
    return BrokerOptions((address,), client_id=client_id, clean=clean)


def broker_pid(data_dir: Path) -> int:
    return int(json.loads((data_dir / "broker" / "mosquitto.pid").read_text())["pid"])


async def process_ended(pid: int) -> None:
    """Wait until a process ends that need not be a child of this one. Too short for the pid to be reused."""
    async with asyncio.timeout(10):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def owner_process(data_dir: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        OWNER,
        str(data_dir),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            yield process, int(json.loads(await process.stdout.readline())["pid"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_messages_are_delivered_and_unknown_users_refused(tmp_path: Path, binary: str | None) -> None:
    async with private_broker(tmp_path, binary=binary) as broker:
        assert broker.kind == ("mosquitto" if binary else "amqtt")
        assert read_broker_json(tmp_path) == broker.address
        async with connect(options(broker.address)) as connection:
            await connection.subscribe("wa/haby/in")
            await connection.publish("wa/haby/in", "hola")
            assert (await read(connection, 1))[0].payload == b"hola"
        for url in ("mqtt://127.0.0.1", "mqtt://wa:guess@127.0.0.1", "mqtt://other:guess@127.0.0.1"):
            with pytest.raises(BrokerRefused):
                async with connect(options(BrokerAddress.parse(f"{url}:{broker.address.port}"))):
                    pass


async def test_it_listens_on_loopback_only(tmp_path: Path, mosquitto_binary: str) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary):
        process = psutil.Process(broker_pid(tmp_path))
        listening = {item.laddr.ip for item in process.net_connections("tcp") if item.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


async def test_an_offline_reader_receives_its_messages_later(tmp_path: Path, binary: str | None) -> None:
    async with private_broker(tmp_path, binary=binary) as broker:
        async with connect(options(broker.address, "reader", clean=False)) as reader:
            await reader.subscribe("wa/haby/in")
        async with connect(options(broker.address, "sender")) as sender:
            await asyncio.gather(*(sender.publish("wa/haby/in", str(number)) for number in range(50)))
        async with connect(options(broker.address, "reader", clean=False)) as reader:
            assert [int(item.payload) for item in await read(reader, 50)] == list(range(50))


async def test_address_and_credentials_survive_a_restart(tmp_path: Path, binary: str | None) -> None:
    async with private_broker(tmp_path, binary=binary) as broker:
        first = broker.address
    assert read_broker_json(tmp_path) == first
    async with private_broker(tmp_path, binary=binary) as broker:
        assert broker.address == first


async def test_retained_messages_survive_a_restart(tmp_path: Path, mosquitto_binary: str) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker, connect(options(broker.address)) as one:
        await one.publish("wa/haby/status", "on", retain=True)
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker, connect(options(broker.address)) as two:
        await two.subscribe("wa/haby/status")
        assert (await read(two, 1))[0].payload == b"on"


async def test_another_port_is_used_if_the_old_one_is_in_use(tmp_path: Path, binary: str | None) -> None:
    async with private_broker(tmp_path, binary=binary) as broker:
        first = broker.address
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections keep it in use for a minute
        other.bind((first.host, first.port))
        other.listen()
        async with private_broker(tmp_path, binary=binary) as broker:
            assert broker.address.port != first.port
            assert broker.address.credentials == first.credentials
            assert read_broker_json(tmp_path) == broker.address


async def test_only_the_owner_can_read_the_files(tmp_path: Path, binary: str | None) -> None:
    previous = os.umask(0)
    try:
        async with private_broker(tmp_path / "data", binary=binary):
            files = [tmp_path / "data" / "broker.json", *(tmp_path / "data" / "broker").iterdir()]
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
            directory = stat.S_IMODE((tmp_path / "data" / "broker").stat().st_mode)
    finally:
        os.umask(previous)
    assert directory == 0o700
    assert modes == dict.fromkeys(modes, 0o600)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 5}', '{"url": "http://x"}'])
def test_a_damaged_address_file_counts_as_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / "broker.json").write_text(content)
    assert read_broker_json(tmp_path) is None


def test_a_missing_address_file_is_none(tmp_path: Path) -> None:
    assert read_broker_json(tmp_path) is None


async def test_the_trial_broker_has_a_warning(tmp_path: Path) -> None:
    async with private_broker(tmp_path, binary="no-such-broker") as broker:
        assert broker.kind == "amqtt"
        assert broker.warning is not None
        assert "apt install mosquitto" in broker.warning


async def test_a_second_broker_on_the_same_directory_is_refused(tmp_path: Path, binary: str | None) -> None:
    async with private_broker(tmp_path, binary=binary) as broker:
        with pytest.raises(StartError, match="Another process"):
            async with private_broker(tmp_path, binary=binary):
                pass
        async with connect(options(broker.address)) as connection:
            await connection.publish("wa/haby/in", "x")


async def test_a_data_directory_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="WA_DATA_DIR"):
        async with private_broker(tmp_path / "file" / "data"):
            pass


async def test_a_failed_start_is_reported_with_the_last_log_lines(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho 'Error: bad option' >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(StartError, match="Error: bad option"):
        async with private_broker(tmp_path / "data", binary=str(program)):
            pass


async def test_a_killed_broker_is_restarted(tmp_path: Path, mosquitto_binary: str) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
        first = broker_pid(tmp_path)
        connections = 0

        async def use(connection: BrokerConnection) -> None:
            nonlocal connections
            connections += 1
            if connections == 1:
                os.kill(first, signal.SIGKILL)
                await connection.down()

        async with asyncio.timeout(20):
            await keep_connected(options(broker.address), use, random=lambda: 0.04)  # of the first 0.5 s
        assert connections == 2
        assert broker_pid(tmp_path) != first


async def test_no_process_and_no_task_remains_afterwards(tmp_path: Path, mosquitto_binary: str) -> None:
    tasks = asyncio.all_tasks()
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
        pid = broker_pid(tmp_path)
    assert not psutil.pid_exists(pid)
    assert asyncio.all_tasks() == tasks
    with pytest.raises(BrokerDown):
        async with connect(options(broker.address)):
            pass


async def test_the_broker_ends_with_a_killed_owner(tmp_path: Path, mosquitto_binary: str) -> None:
    async with owner_process(tmp_path) as (owner, pid):
        owner.kill()
        await process_ended(pid)
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker, connect(options(broker.address)) as one:
        await one.publish("wa/haby/in", "x")


async def test_an_interrupt_in_the_terminal_does_not_reach_the_broker(tmp_path: Path, mosquitto_binary: str) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary):
        pid = broker_pid(tmp_path)
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) != os.getsid(0)


async def test_a_leftover_broker_is_terminated_and_its_port_reused(tmp_path: Path, mosquitto_binary: str) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
        address = broker.address
    # As after the kill of an owner on a kernel without a parent-death signal.
    configuration = str(tmp_path / "broker" / "mosquitto.conf")
    leftover = await asyncio.create_subprocess_exec(
        mosquitto_binary, "-c", configuration, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        started = psutil.Process(leftover.pid).create_time()
        record = json.dumps({"pid": leftover.pid, "started": started})
        (tmp_path / "broker" / "mosquitto.pid").write_text(record)
        async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
            assert broker.address == address
            assert not psutil.pid_exists(leftover.pid)
    finally:
        if leftover.returncode is None:
            leftover.kill()
        await leftover.wait()


async def test_a_pid_that_now_belongs_to_another_program_is_not_killed(tmp_path: Path, mosquitto_binary: str) -> None:
    bystander = await asyncio.create_subprocess_exec(*tied_command(require_binary("sleep", "coreutils"), "60"))
    try:
        (tmp_path / "broker").mkdir()
        record = json.dumps({"pid": bystander.pid, "started": psutil.Process(bystander.pid).create_time() - 100})
        (tmp_path / "broker" / "mosquitto.pid").write_text(record)
        async with private_broker(tmp_path, binary=mosquitto_binary):
            assert bystander.returncode is None
    finally:
        bystander.kill()
        assert await bystander.wait() == -signal.SIGKILL


async def test_the_broker_has_none_of_the_secrets(
    tmp_path: Path, mosquitto_binary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHATSAPP_API_KEY", "a secret of this process")
    async with private_broker(tmp_path, binary=mosquitto_binary):
        pid = json.loads((tmp_path / "broker" / "mosquitto.pid").read_text())["pid"]
        environment = psutil.Process(pid).environ()
    assert "a secret of this process" not in environment.values()


async def test_a_user_that_was_added_has_its_role_and_stays_over_a_restart(
    tmp_path: Path, mosquitto_binary: str
) -> None:
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
        assert broker.directory is not None
        users = PrivateBrokerUsers(BrokerDirectory(broker.directory))
        password = await users.add("node-red", [ClientRole.READER], "haby")
        with pytest.raises(Conflict):
            await users.add("node-red", [ClientRole.READER], None)
        with pytest.raises(InvalidRequest):
            await users.add(str(broker.address.username), [ClientRole.ADMIN], None)
        added = replace(broker.address, username="node-red", password=SecretStr(password))
        await _reads_its_session_alone(broker.address, added)
        assert broker.directory.joinpath("wa.users.json").read_text().count(password) == 0
    async with private_broker(tmp_path, binary=mosquitto_binary) as broker:
        added = replace(added, port=broker.address.port)
        await _reads_its_session_alone(broker.address, added)
        assert [(user.name, user.session) for user in users.users()] == [("node-red", "haby")]
        async with connect(options(added)) as connection:
            assert await users.remove("node-red")
            async with asyncio.timeout(10):
                with pytest.raises(BrokerDown):
                    await connection.down()
        assert not await users.remove("node-red")
        with pytest.raises(BrokerRefused):
            async with connect(options(added)):
                pass


async def _reads_its_session_alone(own: BrokerAddress, added: BrokerAddress) -> None:
    async with connect(options(own, "owner")) as owner, connect(options(added, "added")) as reader:
        await reader.subscribe("wa/haby/in", "wa/other/in", "elsewhere")
        await reader.publish("wa/haby/out/5491155500001", "not allowed")
        await owner.subscribe("wa/+/out/#", "elsewhere")
        for topic in ("wa/other/in", "elsewhere", "wa/haby/in"):
            await owner.publish(topic, topic)
        assert [item.topic for item in await read(reader, 1)] == ["wa/haby/in"]
        await reader.publish("wa/haby/out/5491155500001", "not allowed")
        assert [item.topic for item in await read(owner, 1)] == ["elsewhere"]
