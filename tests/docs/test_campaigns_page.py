"""docs/campaigns.md: its campaign runs as printed, from the list to the report; its tables match the contract."""

from __future__ import annotations

import asyncio
import csv
import re
import sys
from pathlib import Path
from typing import Any

from bridge.contract.campaigns import CampaignPlan, CampaignState, SkipRule, StopRule
from tests.docs.pages import ROOT, blocks
from tests.e2e.conftest import running
from tests.mosquitto_server import free_port

PAGE = ROOT / "docs/campaigns.md"
TEXT = PAGE.read_text(encoding="utf-8")
TIMEOUT = 60.0


async def test_a_whole_campaign_as_printed(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    shell = []
    for block in blocks(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            shell.append(block.text)
    ports: dict[str, Any] = {
        "WA_HTTP_PORT": str(free_port()),
        "PORT": str(free_port()),
        "WA_CAMPAIGNS_PORT": str(free_port()),
    }
    async with running(tmp_path, WA_DATA_DIR="data", **ports) as product:
        await product.printed("haby connected")
        printed = []
        for text in shell:
            program = await asyncio.create_subprocess_exec(
                *("sh", "-euc", text),
                cwd=tmp_path,
                env=product.environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            async with asyncio.timeout(TIMEOUT):
                output, _ = await program.communicate()
            assert program.returncode == 0, output.decode()
            printed.append(output.decode())
        dry, planned, run = printed
        assert "Line 6 is not used" in dry
        assert "5491155500001 (Ana): Hola Ana, ¿cómo va todo por Palermo?" in dry
        assert "2 messages. Started now, the last one leaves about" in dry
        assert "wa campaign start agosto" in planned
        assert "Cupones de agosto (agosto): done." in run
        sent = await product.sent_bodies()
    with (tmp_path / "agosto.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [(row["n"], row["name"]) for row in rows] == [("1", "Ana"), ("2", "Beto")]
    assert {row["state"] for row in rows} <= {"sent", "delivered", "read"}
    assert sorted(row["text"] for row in rows) == sorted(sent)


def test_every_state_rule_and_field_of_a_plan_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", TEXT))
    assert {state.value for state in CampaignState} <= explained
    assert {rule.value for rule in (*SkipRule, *StopRule)} <= explained
    table = {field.alias or name for name, field in CampaignPlan.model_fields.items()}
    elsewhere = {"id", "name", "session", "recipients", "list", "tags", "variants", "defaults"}
    assert table - elsewhere <= explained
