"""deploy/wa, which runs commands as the installed service: parsing of env files, refused users."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

COMMAND = Path(__file__).parents[2] / "deploy/wa"


@pytest.fixture(scope="module")
def command() -> ModuleType:
    loader = SourceFileLoader("installed_command", str(COMMAND))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def test_env_files_are_parsed_as_systemd_does(command: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "wa.env").write_text(
        "# RESPONDER_HOURS=a comment\n"
        "RESPONDER_HOURS=lun-vie 09:00-18:00; sab 09:00-13:00\n"
        "WA_MQTT_URL=mqtt://bridge:a%20b=c#d@127.0.0.1:1883  \n"
        'WA_BROWSER_ARGS="--proxy-server=http://$HOST:3128 --lang=es"\n'
        "OPENAI_API_KEY=\n"
        "export WA_PACE=off\n"
    )
    (tmp_path / "bridge.env").write_text("WA_MQTT_URL=mqtt://later\n")
    assert command.settings(tmp_path / "wa.env", tmp_path / "none.env") == {
        "RESPONDER_HOURS": "lun-vie 09:00-18:00; sab 09:00-13:00",
        "WA_MQTT_URL": "mqtt://bridge:a%20b=c#d@127.0.0.1:1883",
        "WA_BROWSER_ARGS": "--proxy-server=http://$HOST:3128 --lang=es",
        "OPENAI_API_KEY": "",
    }
    assert command.settings(tmp_path / "wa.env", tmp_path / "bridge.env")["WA_MQTT_URL"] == "mqtt://later"


def test_other_users_are_refused(tmp_path: Path) -> None:
    for arguments in (["--as", "root", "status"], ["--as"]):
        refused = subprocess.run(
            [sys.executable, "-I", COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (refused.returncode, refused.stderr) == (1, "wa: --as bridge, --as responder or --as campaigns\n")
