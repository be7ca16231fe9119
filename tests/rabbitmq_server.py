"""A real RabbitMQ with its MQTT plugin for one test: one node on loopback, in a directory of its own.

Its retained messages come for exact topics only, and `.` in a topic becomes `/`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.ops.private_broker.child import broker_environment, tied_command
from tests.mosquitto_server import free_port
from tests.parts import require_binary

#: Debian's program in PATH changes to the user rabbitmq; this one runs as who starts it.
_LIBRARY = Path("/usr/lib/rabbitmq/lib")
_CONFIGURATION = """\
listeners.tcp = none
mqtt.listeners.tcp.default = 127.0.0.1:{port}
mqtt.allow_anonymous = false
mqtt.durable_queue_type = quorum
default_user = wa
default_pass = wa
"""


class RabbitMqServer:
    """Use `with`, then `url`. Its start takes some ten seconds."""

    url: str

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        require_binary("rabbitmq-server", "rabbitmq-server")
        [server] = _LIBRARY.glob("rabbitmq_server-*/sbin/rabbitmq-server")
        self._directory.mkdir(parents=True)
        port, names = free_port(), free_port()
        self.url = f"mqtt://wa:wa@127.0.0.1:{port}"
        (self._directory / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=port))
        (self._directory / "enabled_plugins").write_text("[rabbitmq_mqtt].")
        environment = broker_environment() | {
            "HOME": str(self._directory),
            "RABBITMQ_NODENAME": f"wa{port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._directory / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._directory / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self._directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        # Erlang's name server would otherwise be started as a daemon and stay
        epmd = require_binary("epmd", "erlang-base")
        try:
            for command in ([epmd, "-port", str(names), "-address", "127.0.0.1"], [str(server)]):
                with (self._directory / "out").open("ab") as log:
                    self._processes.append(
                        subprocess.Popen(
                            tied_command(command[0], *command[1:]),
                            env=environment,
                            stdin=subprocess.DEVNULL,
                            stdout=log,
                            stderr=log,
                            start_new_session=True,
                        )
                    )
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGKILL)  # the shell script, and Erlang under it
            process.wait()
        self._processes.clear()

    def _wait(self) -> None:
        deadline = time.monotonic() + 50
        while b"completed with" not in (output := (self._directory / "out").read_bytes()):
            if any(process.poll() is not None for process in self._processes) or time.monotonic() > deadline:
                raise AssertionError(f"RabbitMQ did not start:\n{output.decode(errors='replace')}")
            time.sleep(0.05)
