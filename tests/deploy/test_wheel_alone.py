"""The wheel in a separate virtual environment, without a checkout: the whole product runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from tests.parts import require_binary

ROOT = Path(__file__).parents[2]
TIMEOUT = 40.0


@pytest.fixture(scope="module")
def wa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `wa` of the wheel; a .pth file adds this environment's dependencies, without the editable project."""
    folder = tmp_path_factory.mktemp("alone")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env/bin/python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "-qq",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(pip, check=True, env={**os.environ, "PIP_USER": "0"}, capture_output=True)
    (site,) = (folder / "env/lib").glob("python3*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    print_path = [str(python), "-I", "-c", "import bridge; print(bridge.__path__[0])"]
    assert subprocess.run(print_path, capture_output=True, text=True, check=True).stdout.startswith(str(folder))
    return folder / "env/bin/wa"


@pytest.fixture
def clean() -> dict[str, str]:
    ours = ("WA_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.mark.timeout(120)
def test_one_command_runs_everything_in_an_empty_folder(wa: Path, clean: dict[str, str], tmp_path: Path) -> None:
    require_binary("mosquitto", "mosquitto")
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [wa, "up", "--sandbox", "--sandbox-port", "0"],
            cwd=tmp_path,
            env={**clean, "WA_HTTP_PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + TIMEOUT
        while "haby connected" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


def test_the_brokers_configuration_is_in_the_wheel(wa: Path, clean: dict[str, str], tmp_path: Path) -> None:
    made = subprocess.run(
        [wa, "broker", "init", "--dir", str(tmp_path / "broker")],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "allow_anonymous false" in (tmp_path / "broker/mosquitto.conf").read_text()
