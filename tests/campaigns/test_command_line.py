"""`wa campaign` against a running bridge: what it prints, and its exit codes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.campaigns.conftest import CampaignsHarness, number
from tests.forked import run_forked
from tests.stream_server import stream_server


async def wa(port: int, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    environment = {
        **kept,
        "WA_HTTP_PORT": str(port),
        "WA_DATA_DIR": str(folder / "data"),
        "COLUMNS": "200",
    }
    done = await run_forked(("campaign", *arguments), environment, folder, limit=40)
    return done.code, done.out, done.err


async def test_the_whole_life_of_a_campaign(harness: CampaignsHarness, tmp_path: Path) -> None:
    await harness.start()
    rows = [f"{number(n)};Persona {n};{'vip' if n % 2 else 'otros'}" for n in range(1, 21)]
    (tmp_path / "lista.csv").write_text("\n".join(["telefono;nombre;etiquetas", *rows]), encoding="utf-8")
    shared = ("--hours", "00:00-24:00", "--days", "mon-sun", "--pace", "30/minute", "--id", "vip", "--tag", "vip")
    code, out, err = await wa(harness.bridge_port, tmp_path, "plan", "lista.csv", "--text", "Hola {{nombre}}", *shared)
    assert (code, err) == (0, "")
    assert "lista.csv: 20 people.\nTexts can use {{nombre}}.\n" in out
    assert "What the first 5 of them get:\n  54911555" in out
    assert "10 messages. Started now, the last one leaves about" in out
    assert "Nothing is sent yet. Start it: wa campaign start vip\n" in out
    assert out.count("Hola Persona ") == 5
    code, _, err = await wa(harness.bridge_port, tmp_path, "plan", "lista.csv", "--text", "Hola {{nombre}}", *shared)
    assert (code, "already" in err) == (1, True)
    assert (await wa(harness.bridge_port, tmp_path, "start", "vip"))[0] == 0
    code, out, err = await wa(harness.bridge_port, tmp_path, "pause", "vip", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["state"] == "paused"
    code, out, _ = await wa(harness.bridge_port, tmp_path, "resume", "vip", "--watch")
    assert (code, "done." in out, "10 sent" in out) == (0, True, True)
    code, out, _ = await wa(harness.bridge_port, tmp_path, "list")
    assert (code, "vip  done  10 messages: 10 sent" in out) == (0, True)
    code, out, _ = await wa(harness.bridge_port, tmp_path, "report", "vip")
    assert (code, len(out.splitlines())) == (0, 11)


async def test_an_act_without_an_answer_is_not_said_to_have_failed(tmp_path: Path) -> None:
    async def close_after_the_request(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with stream_server(close_after_the_request) as port:
        code, _, err = await wa(port, tmp_path, "start", "vip")
        assert (code, "It may have been carried out" in err) == (3, True)
        code, _, err = await wa(port, tmp_path, "list")
        assert (code, f"The bridge at http://127.0.0.1:{port} does not answer." in err) == (5, True)
    code, _, err = await wa(port, tmp_path, "start", "vip")
    assert (code, "No bridge with HTTP runs" in err) == (5, True)


async def test_what_is_wrong_is_a_sentence_and_an_exit_code(harness: CampaignsHarness, tmp_path: Path) -> None:
    await harness.start()
    (tmp_path / "sin.csv").write_text("nombre\nAna\n", encoding="utf-8")
    (tmp_path / "broken.json").write_text("{name: x}", encoding="utf-8")
    (tmp_path / "array.json").write_text("[]", encoding="utf-8")
    for arguments, expected, sentence in (
        (("plan", "sin.csv", "--text", "Hola"), 2, "No column has phone numbers"),
        (("start", "none"), 1, "no campaign"),
        (("start", "broken.json"), 2, "broken.json is no plan: Expecting"),
        (("plan", "array.json"), 2, "array.json is no plan: it has to be an object"),
    ):
        code, _, err = await wa(harness.bridge_port, tmp_path, *arguments)
        assert (code, sentence in err) == (expected, True), (arguments, err)


async def test_a_file_stands_for_the_campaign_that_was_planned_from_it(
    harness: CampaignsHarness, tmp_path: Path
) -> None:
    await harness.start()
    (tmp_path / "agosto.csv").write_text(f"telefono\n{number(1)}\n", encoding="utf-8")
    body: dict[str, Any] = {"id": "cupones", "name": "Cupones", "recipients": [{"to": number(2)}], "variants": ["Hola"]}
    body["window"] = {"from": "00:00", "to": "24:00"}
    (tmp_path / "plan.json").write_text(json.dumps(body), encoding="utf-8")
    code, _, err = await wa(harness.bridge_port, tmp_path, "start", "agosto.csv")
    assert (code, err) == (1, "error: No campaign was planned from agosto.csv: `wa campaign plan` does that.\n")
    shared = ("--text", "Hola", "--hours", "00:00-24:00")
    assert (await wa(harness.bridge_port, tmp_path, "plan", "agosto.csv", "--id", "primera", *shared))[0] == 0
    assert (await wa(harness.bridge_port, tmp_path, "plan", "plan.json"))[0] == 0
    code, out, err = await wa(harness.bridge_port, tmp_path, "cancel", "agosto.csv", "--json")
    assert (code, err, json.loads(out)["id"]) == (0, "", "primera")
    code, out, err = await wa(harness.bridge_port, tmp_path, "start", str(tmp_path / "plan.json"), "--watch", "--json")
    assert (code, err, json.loads(out)["id"], json.loads(out)["sent"]) == (0, "", "cupones", 1)
    for campaign_id in ("segunda", "tercera"):
        assert (await wa(harness.bridge_port, tmp_path, "plan", "agosto.csv", "--id", campaign_id, *shared))[0] == 0
    code, _, err = await wa(harness.bridge_port, tmp_path, "start", "agosto.csv")
    assert code == 1
    assert err == "error: Several campaigns were planned from agosto.csv: tercera, segunda. Give the id of one.\n"
