"""The wheel in an environment of its own, away from the checkout.

`python -m tests.installed_wheel DIST` (`make wheel`) installs the wheel of a folder with pipx, runs the sandbox with
it, carries one message in and one out, and asks `wa doctor`. Ends with 1 at the first thing wrong.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.mosquitto_server import free_port

CONNECTED, ANSWERS = 60.0, 30.0
NUMBER = "5491155500001"


def install(wheel: Path, env: Path) -> Path:
    """Install into a new environment; returns its `wa`. Without downloads: pipx itself needs some.

    The dependencies come from our environment, by a plain path that brings no editable installation along.
    """
    venv.create(env, symlinks=True)
    python = str(env / "bin/python")
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "--python", python, "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, env={**os.environ, "PIP_USER": "0"})
    (site,) = (env / "lib").glob("python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return env / "bin/wa"


def install_with_pipx(wheel: Path, home: Path) -> Path:
    """`pipx install FILE` of the newest pipx, for a user whose home folder is `home`; returns its `wa`."""
    venv.create(home / "pipx", with_pip=True, symlinks=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIPX_", "VIRTUAL_ENV"))}
    environment = {**kept, "HOME": str(home), "PIP_USER": "0"}
    for command in (["python", "-m", "pip", "install", "-qq", "pipx"], ["pipx", "install", str(wheel)]):
        program = home / "pipx/bin" / command[0]
        subprocess.run([program, *command[1:]], check=True, cwd=home, env=environment)
    return home / ".local/bin/wa"


class InstalledProgram:
    """`wa` in an empty folder, without our environment variables but those that are given."""

    def __init__(self, wa: Path, folder: Path, **given: str) -> None:
        self._wa = wa
        self._folder = folder
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("WA_", "PYTHON", "RESPONDER_"))
        }
        ports = {name: str(free_port()) for name in ("WA_HTTP_PORT", "PORT", "WA_CAMPAIGNS_PORT")}
        self._environment = {**kept, **ports, "WA_PACE": "off", "RESPONDER_ACTIVO": "off", **given}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._wa, *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=ANSWERS,
            check=False,
        )

    @contextmanager
    def sandbox(self) -> Iterator[str]:
        """`wa up --sandbox`; yields the address of the phone's API once the session is connected."""
        log = self._folder / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [self._wa, "up", "--sandbox", "--sandbox-port", "0"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + CONNECTED
            while "haby connected" not in log.read_text() or "the phone is at" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            found = re.search(r"the phone is at (\S+)", log.read_text())
            assert found is not None
            yield found[1].removesuffix("phone") + "api"
        finally:
            process.terminate()
            ended = process.wait(ANSWERS)
        assert ended == 0, log.read_text()


def carry(program: InstalledProgram) -> None:
    """One message in, one out, the doctor's opinion. Raises AssertionError at the first thing that is wrong."""
    with program.sandbox() as api, httpx.Client(trust_env=False) as phone:
        phone.post(f"{api}/incoming", json={"chat": f"{NUMBER}@c.us", "body": "in"}).raise_for_status()
        found: list[Any] = []
        deadline = time.monotonic() + ANSWERS
        while not found:
            assert time.monotonic() < deadline, "the message was not received"
            answer = program.run("search", "in", "--json")
            found = [line for line in answer.stdout.splitlines() if '"in"' in line]
        sent = program.run("send", NUMBER, "out", "--wait", "sent", "--json")
        assert sent.returncode == 0, sent.stdout + sent.stderr
        chats = phone.get(f"{api}/state").json()["chats"]
        own = [message["body"] for chat in chats for message in chat["messages"] if message["from_me"]]
        assert own == ["out"]
        doctor = program.run("doctor", "--json")
        findings = [json.loads(line) for line in doctor.stdout.splitlines()]
        assert findings, doctor.stderr
        assert [one for one in findings if one["level"] not in ("ok", "warning")] == []


def main() -> int:
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        wa = install_with_pipx(wheel.absolute(), Path(folder))
        print(f"{wheel.name}: installed with pipx in {time.monotonic() - started:.0f} s", flush=True)
        work = Path(folder) / "elsewhere"
        work.mkdir()
        carry(InstalledProgram(wa, work))
        print(f"{wheel}: one message in, one out, wa doctor: {time.monotonic() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
