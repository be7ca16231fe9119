"""`wa campaign` against a running bridge: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.campaigns.conftest import CampaignsHarness, number


async def wa(harness: CampaignsHarness, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    environment = {
        **kept,
        "WA_HTTP_PORT": str(harness.bridge_port),
        "WA_DATA_DIR": str(folder / "data"),
        "COLUMNS": "200",
    }
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge.cli", "campaign", *arguments),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(40):
        out, err = await program.communicate()
    assert program.returncode is not None
    return program.returncode, out.decode(), err.decode()


async def test_the_whole_life_of_a_campaign(harness: CampaignsHarness, tmp_path: Path) -> None:
    await harness.start()
    rows = [f"{number(n)};Persona {n};{'vip' if n % 2 else 'otros'}" for n in range(1, 21)]
    (tmp_path / "lista.csv").write_text("\n".join(["telefono;nombre;etiquetas", *rows]), encoding="utf-8")
    shared = ("--hours", "00:00-24:00", "--days", "mon-sun", "--pace", "30/minute", "--id", "vip", "--tag", "vip")
    code, out, err = await wa(harness, tmp_path, "plan", "lista.csv", "--text", "Hola {{nombre}}", *shared)
    assert (code, err) == (0, "")
    assert "lista.csv: 20 people.\nTexts can use {{nombre}}.\n" in out
    assert "What the first 5 of them get:\n  54911555" in out
    assert "10 messages. Started now, the last one leaves about" in out
    assert "Nothing is sent yet. Start it: wa campaign start vip\n" in out
    assert out.count("Hola Persona ") == 5
    code, _, err = await wa(harness, tmp_path, "plan", "lista.csv", "--text", "Hola {{nombre}}", *shared)
    assert (code, "already" in err) == (1, True)
    assert (await wa(harness, tmp_path, "start", "vip"))[0] == 0
    code, out, err = await wa(harness, tmp_path, "pause", "vip", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["state"] == "paused"
    code, out, _ = await wa(harness, tmp_path, "resume", "vip", "--watch")
    assert (code, "done." in out, "10 sent" in out) == (0, True, True)
    code, out, _ = await wa(harness, tmp_path, "list")
    assert (code, "vip  done  10 messages: 10 sent" in out) == (0, True)
    code, out, _ = await wa(harness, tmp_path, "report", "vip")
    assert (code, len(out.splitlines())) == (0, 11)


async def test_what_is_wrong_is_a_sentence_and_an_exit_code(harness: CampaignsHarness, tmp_path: Path) -> None:
    await harness.start()
    (tmp_path / "sin.csv").write_text("nombre\nAna\n", encoding="utf-8")
    for arguments, expected, sentence in (
        (("plan", "sin.csv", "--text", "Hola"), 2, "No column has phone numbers"),
        (("start", "none"), 1, "no campaign"),
    ):
        code, _, err = await wa(harness, tmp_path, *arguments)
        assert (code, sentence in err) == (expected, True), (arguments, err)
