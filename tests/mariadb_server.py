"""A real MariaDB for the tests, with its own data directory, socket and port, and the tables of a service in it."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from sqlalchemy.engine import URL

from bridge.ops.private_broker.child import tied_command
from bridge.sql.database import SqlDatabase
from bridge.sql.migrations import Schema
from tests.mosquitto_server import free_port
from tests.parts import require_binary

SERVER, CLIENT = "mariadb-server-core", "mariadb-client-core"


def migrate(schema: Schema, url: URL) -> None:
    """Give a database its tables in this process: one of its own, as the services start it, takes ten times as long."""

    async def upgrade() -> None:
        async with SqlDatabase(url) as database:
            await schema.upgrade(database)

    asyncio.run(upgrade())


class MariaDbServer:
    """`start` (or `with`), then `port`, `user`, `password`, `create`; `start` also works after `kill` (SIGKILL)."""

    user = "wa"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        """Path of the socket; short, since the system allows 107 characters."""
        return str(self.directory / "s")

    def start(self) -> None:
        """Start and wait until it answers; the first time, make the data directory and the user."""
        server = require_binary("mariadbd", SERVER)
        # servers that share a folder for temporary tables take each other's: half of ten installations at once failed
        data, temporary = self.directory / "data", self.directory / "tmp"
        fresh = not data.exists()
        if fresh:
            installer = require_binary("mariadb-install-db", SERVER)
            temporary.mkdir(parents=True)
            command = [
                installer,
                "--no-defaults",
                f"--datadir={data}",
                f"--tmpdir={temporary}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._as_user(),
            ]
            made = subprocess.run(
                command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
            )
            assert made.returncode == 0, made.stdout + made.stderr
        options = [
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={temporary}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.directory / 'pid'}",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--character-set-server=latin1",
            "--skip-log-bin",
            *self._as_user(),
        ]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                tied_command(server, *options), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"MariaDB did not start:\n{(self.directory / 'log').read_text(errors='replace')}")
            time.sleep(0.05)
        if fresh:
            self.sql(f"CREATE USER {self.user}@'127.0.0.1' IDENTIFIED BY '{self.password}'")
            self.sql(f"GRANT ALL ON *.* TO {self.user}@'127.0.0.1'")

    def create(self, name: str, charset: str = "utf8mb4") -> str:
        """A new, empty database; returns its name."""
        self.sql(f"CREATE DATABASE {name} CHARACTER SET {charset}")
        return name

    def sql(self, script: str, database: str | None = None) -> str:
        """Run SQL as root, as a legacy installation's dump would be loaded; returns what it printed."""
        client = require_binary("mariadb", CLIENT)
        command = [client, "--no-defaults", "-N", "-u", "root", "-S", self.socket, "--default-character-set=utf8mb4"]
        done = subprocess.run(
            [*command, *([database] if database else [])], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: it accepts connections and does not answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> MariaDbServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # the data is not needed again

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return bool(connection.recv(4))
        except OSError:
            return False

    def _as_user(self) -> list[str]:
        """MariaDB runs as root only with an explicit option."""
        return ["--user=root"] if os.geteuid() == 0 else []
