"""Chooses and runs the private broker: a mosquitto child where the program exists, else amqtt in this process."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from bridge.broker import BrokerAddress
from bridge.contract.errors import StartError
from bridge.ops.private_broker.address_file import read_broker_json, write_broker_json
from bridge.ops.private_broker.mosquitto import MosquittoChild, PortTaken

HOST = "127.0.0.1"

TRIAL_WARNING = (
    "mosquitto is not installed, so the broker runs inside this process: good for a trial only."
    " It keeps nothing over a restart, and a command that was being handled when a connection broke is not delivered"
    " again. Install the package mosquitto, or set WA_MQTT_URL to a broker of yours."
)


@dataclass(frozen=True)
class PrivateBroker:
    """A broker that is ours while the context lasts. `warning` is for the person at the terminal."""

    address: BrokerAddress
    kind: Literal["mosquitto", "amqtt"]
    warning: str | None = None


@asynccontextmanager
async def private_broker(data_dir: Path, *, binary: str | None = "mosquitto") -> AsyncIterator[PrivateBroker]:
    """Run a broker of our own on loopback and keep its address in `data_dir/broker.json`.

    Port and credentials stay the same over restarts while the port is free. `binary` is a name or a path; None, or
    one that does not exist, means amqtt. Raises StartError when no broker can be started here.
    """
    program = find_program(binary) if binary else None
    directory = _own_directory(data_dir)
    with _only_one(directory, data_dir):
        kept = read_broker_json(data_dir)
        if program is None:
            # not at the top: every bridge reads broker.json, and amqtt costs 4 MB that it may never need
            from bridge.ops.private_broker.in_process import amqtt_broker

            address = _address(kept, reuse_port=True)
            write_broker_json(data_dir, address)
            async with amqtt_broker(address):
                yield PrivateBroker(address, "amqtt", TRIAL_WARNING)
            return
        await MosquittoChild.end_left_over(directory)
        child, address = await _start_mosquitto(program, directory, kept)
        write_broker_json(data_dir, address)
        async with child.kept_alive():
            yield PrivateBroker(address, "mosquitto")


async def _start_mosquitto(
    program: str, directory: Path, kept: BrokerAddress | None
) -> tuple[MosquittoChild, BrokerAddress]:
    # Between our look at a port and mosquitto's bind somebody else may take it.
    for attempt in range(5):
        address = _address(kept, reuse_port=attempt == 0)
        child = MosquittoChild(program, directory, address)
        try:
            await child.start()
        except PortTaken:
            continue
        return child, address
    raise StartError("No free port could be found on 127.0.0.1 for the private broker.")


def _own_directory(data_dir: Path) -> Path:
    directory = data_dir.absolute() / "broker"  # the child is restarted by it, wherever we are by then
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise StartError(
            f"The data directory {data_dir} cannot be written ({error.strerror}): set WA_DATA_DIR."
        ) from error
    return directory


def find_program(name: str) -> str | None:
    """The program's path; looks where Debian and Homebrew put servers too, which an ordinary PATH leaves out."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    return shutil.which(name, path=path)


def _address(kept: BrokerAddress | None, *, reuse_port: bool) -> BrokerAddress:
    usable = kept if kept and kept.host == HOST and kept.username and kept.password else None
    port = usable.port if usable and reuse_port and _is_free(usable.port) else _free_port()
    return BrokerAddress(
        scheme="mqtt",
        host=HOST,
        port=port,
        username=usable.username if usable else "wa",
        password=usable.password if usable else SecretStr(secrets.token_urlsafe(24)),
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As brokers do: without it a port stays taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _only_one(directory: Path, data_dir: Path) -> Iterator[None]:
    """Hold the directory's lock: the kernel lets go of it when we die, however that happens."""
    with os.fdopen(os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"Another process runs the private broker of {data_dir}: stop it, or set another WA_DATA_DIR."
            ) from error
        yield
