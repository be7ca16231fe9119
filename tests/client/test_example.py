"""The documentation's example, run as printed; the pages list every exit code and gap reason."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from bridge.cli.run import Exit
from bridge.client import Cursor, FileCursor, GapReason, connect
from tests.client.conftest import ANA, ScriptedBridge
from tests.mosquitto_server import MosquittoServer

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "echo_bot.py"


async def answers(broker: str, file: Path, count: int) -> list[str]:
    """What the bot prints for `count` messages; then it is killed."""
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), broker, "haby", str(file)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert bot.stdout is not None
    try:
        async with asyncio.timeout(20):
            return [(await bot.stdout.readline()).decode().strip() for _ in range(count)]
    finally:
        bot.kill()
        await bot.wait()


async def test_the_echo_bot_answers_once_although_it_crashed_before_saving(
    harness: ScriptedBridge, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    await harness.start()
    file = tmp_path / "seen.json"
    before_all = Cursor(epoch=harness.epoch, seq=0)
    FileCursor(file).save(before_all)
    harness.phone.incoming(ANA, "Hola")
    assert await answers(mosquitto.url("responder"), file, 1) == ["seq 1: sent"]
    FileCursor(file).save(before_all)  # as if it had been killed between its answer and this
    harness.phone.incoming(ANA, "¿Y ahora?")
    assert await answers(mosquitto.url("responder"), file, 2) == ["seq 1: sent", "seq 2: sent"]
    assert [(sent.text, sent.times) for sent in harness.phone.sent] == [("Echo: Hola", 1), ("Echo: ¿Y ahora?", 1)]


async def test_the_echo_bot_answers_what_came_after_a_first_run_without_a_message(
    harness: ScriptedBridge, mosquitto: MosquittoServer, tmp_path: Path
) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Vieja")
    async with asyncio.timeout(20), connect(mosquitto.url("responder"), name="test") as client:
        async for status in client.watch_status("haby"):
            if status.last_seq == 1:
                break
    file = tmp_path / "seen.json"
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), mosquitto.url("responder"), "haby", str(file)),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        async with asyncio.timeout(20):
            while not file.exists():  # noqa: ASYNC110 - a file raises no event
                await asyncio.sleep(0.02)
    finally:
        bot.kill()
        await bot.wait()
    harness.phone.incoming(ANA, "Nueva")
    assert await answers(mosquitto.url("responder"), file, 1) == ["seq 2: sent"]


def test_the_pages_list_every_exit_code_and_gap() -> None:
    codes = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert codes == [str(int(code)) for code in Exit]
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    assert [reason for reason in GapReason if f"| `{reason}` |" not in page] == []
