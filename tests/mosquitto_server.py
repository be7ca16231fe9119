"""A real mosquitto for one test, with the configuration shipped in mosquitto/.

Only the port and the paths are changed; the tests fail if the shipped file no longer has these lines.
"""

from __future__ import annotations

import itertools
import os
import random
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from bridge.ops.private_broker.child import tied_command
from bridge.ops.private_broker.passwords import password_line
from tests.parts import require_binary

SHIPPED = Path(__file__).parent.parent / "mosquitto"
USERS = ("bridge", "reader", "sender", "responder", "campaigns", "panel", "homeassistant", "admin")


#: The ports of this worker, each once. They lie below those that the system gives to outgoing connections: such a
#: connection of another test could take a port before its server starts.
_FIRST_PORT = 16_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_ports = itertools.cycle(random.sample(range(_FIRST_PORT, _FIRST_PORT + 1_000), 1_000))


def free_port() -> int:
    """A port that is free at the moment, and that this worker has not returned for long."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port is in use")


def shipped_configuration(replaced: dict[str, str]) -> str:
    """`mosquitto/mosquitto.conf` with other values for some options; each must be in the file exactly once."""
    lines = (SHIPPED / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    for option, value in replaced.items():
        [index] = [number for number, line in enumerate(lines) if line.split(" ")[0] == option]
        lines[index] = f"{option} {value}"
    return "\n".join(lines) + "\n"


class MosquittoServer:
    """`start` (or `with`), then `url`; `kill` is SIGKILL, `restart` keeps port, users and database.

    `extra` is appended to the configuration, e.g. further listeners. Each user of the shipped ACL exists.
    """

    def __init__(
        self, directory: Path, *, extra: str = "", port: int | None = None, acl: Path = SHIPPED / "acl"
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.passwords = {user: secrets.token_hex(8) for user in USERS}
        self._extra = extra
        self._acl = acl
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, user: str = "bridge", *, scheme: str = "mqtt", port: int | None = None) -> str:
        """The broker's address with the credentials of `user`."""
        return f"{scheme}://{user}:{self.passwords[user]}@127.0.0.1:{port or self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """The broker's log so far."""
        return (self.directory / "mosquitto.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start and wait until the port answers."""
        program = require_binary("mosquitto", "mosquitto")
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = "".join(password_line(user, password) for user, password in self.passwords.items())
        (self.directory / "passwords").write_text(lines)
        (self.directory / "mosquitto.conf").write_text(self._configuration())
        with (self.directory / "mosquitto.log").open("ab") as log:
            command = tied_command(program, "-c", str(self.directory / "mosquitto.conf"))
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"mosquitto did not start:\n{self.log}") from None
                time.sleep(0.01)

    def stop(self) -> None:
        """SIGTERM, which saves the database."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, which saves nothing."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop cleanly and start again."""
        self.stop()
        self.start()

    def __enter__(self) -> MosquittoServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _configuration(self) -> str:
        text = shipped_configuration(
            {
                "listener": f"{self.port} 127.0.0.1",
                "password_file": str(self.directory / "passwords"),
                "acl_file": str(self._acl),
                "persistence_location": f"{self.directory}/",
                "pid_file": str(self.directory / "pid"),
            }
        )
        # As root, mosquitto would switch to the user mosquitto, which cannot write to the test's directory.
        return text + ("user root\n" if os.geteuid() == 0 else "") + self._extra
