"""The command line itself: help of every command, the version, and terminals and files in any encoding."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from bridge.cli import program
from bridge.contract.settings_file import encoding_fault
from bridge.settings import load
from responder.errors import WrongSettings
from responder.settings import load as load_responder
from tests.cli.conftest import ScriptedBridge, Wa

APP = program()
TO = "5491155500001"


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, *path, name)


@pytest.mark.parametrize("path", list(commands(typer.main.get_command(APP))), ids=lambda path: " ".join(("wa", *path)))
@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_every_command_has_help(path: tuple[str, ...], columns: str) -> None:
    result = CliRunner().invoke(APP, [*path, "--help"], env={"COLUMNS": columns})
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_the_version() -> None:
    result = CliRunner().invoke(APP, ["--version"])
    assert (result.exit_code, result.output) == (0, f"wa {version('whatsapp-mqtt-bridge')}\n")


async def test_a_terminal_without_ticks_changes_no_exit_code(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    sent = await wa("send", TO, "Hola 💥", PYTHONIOENCODING="latin-1")
    assert (sent.code, sent.out.splitlines()[-1], sent.err) == (0, "sent +", "")
    as_json = await wa("send", TO, "Hola 💥", "--json", "--id", "ñ💥", PYTHONIOENCODING="ascii")
    assert [json.loads(line)["id"] for line in as_json.out.splitlines()] == ["ñ💥", "ñ💥"]
    status = await wa("status", PYTHONIOENCODING="cp1252")
    assert (status.code, status.err) == (0, "")
    assert "connected" in status.out


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("A=1\nRESPONDER_PROMPT_VARS=negocio=Panadería\n".encode("latin-1"), ".env, line 2:"),
        ("A=Panadería\n".encode("utf-16"), "UTF-16"),
        ("A=1\n".encode("utf-16-le"), "UTF-16"),
    ],
)
def test_a_settings_file_in_another_encoding_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, content: bytes, expected: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(APP, ["send", TO, "x"])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert expected in result.output
    with pytest.raises(WrongSettings, match="Save"):
        load_responder()
    with caplog.at_level(logging.INFO, "bridge"):  # it changes the level for its process
        assert CliRunner().invoke(APP, ["doctor"]).exception.__class__ is SystemExit


@pytest.mark.parametrize("content", [b"", "WA_INSTANCE=tienda\r\nX=Panadería\r\n".encode("utf-8-sig")])
def test_utf_8_with_and_without_a_byte_order_mark_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert encoding_fault(".env", content) is None
    assert load().sessions[0].name == "haby"


def test_a_time_zone_needs_no_zones_of_the_system(wa_without_zones: list[str]) -> None:
    assert wa_without_zones == ["America/Argentina/Buenos_Aires", "Wrong settings. RESPONDER_TZ: 'Mars/Base' is"]


@pytest.fixture
def wa_without_zones(tmp_path: Path) -> list[str]:
    """What a program reads from the default and from an unknown zone where the system has no zone files."""
    import os
    import subprocess
    import sys

    program = (
        "from responder.settings import load\nprint(load().zone)\n"
        "try: load(RESPONDER_TZ='Mars/Base')\nexcept Exception as error: print(str(error)[:44])\n"
    )
    environment = {**os.environ, "PYTHONTZPATH": "/nonexistent", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
