"""A service that tries again and again does not fill its log with one sentence."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from bridge.cli.repeated_lines import INTERVAL, LARGEST, RepeatedLines
from tests.cli.conftest import StartCommand
from tests.clocks import FakeClock
from tests.stream_server import stream_server


def record(
    text: str, *args: object, level: int = logging.WARNING, name: str = "bridge", exc: bool = False
) -> logging.LogRecord:
    trace = (ValueError, ValueError("x"), None) if exc else None
    return logging.LogRecord(name, level, "", 0, text, args, trace)


def written(lines: RepeatedLines, one: logging.LogRecord) -> str | None:
    return one.getMessage() if lines.filter(one) else None


def test_a_warning_in_the_same_words_is_written_again_after_a_while_with_its_count() -> None:
    clock = FakeClock()
    lines = RepeatedLines(clock.monotonic)
    assert [written(lines, record("%s: down", "haby")) for _ in range(4)] == ["haby: down", None, None, None]
    assert written(lines, record("%s: down", "otra")) == "otra: down"
    assert written(lines, record("haby: down", level=logging.ERROR)) == "haby: down"
    assert written(lines, record("haby: down", name="responder")) == "haby: down"
    clock.advance(INTERVAL)
    assert written(lines, record("haby: down")) == "haby: down (3 more in the last 600 s)"
    assert written(lines, record("haby: down")) is None
    clock.advance(INTERVAL * 5)
    assert written(lines, record("haby: down")) == "haby: down (1 more in the last 3000 s)"
    clock.advance(INTERVAL)
    assert written(lines, record("haby: down")) == "haby: down"


def test_information_and_tracebacks_are_always_written() -> None:
    lines = RepeatedLines()
    for _ in range(3):
        assert written(lines, record("received", level=logging.INFO)) == "received"
        assert written(lines, record("failed", level=logging.ERROR, exc=True)) == "failed"


def test_a_million_different_lines_take_no_memory() -> None:
    lines = RepeatedLines()
    for number in range(LARGEST + 2):
        assert written(lines, record("%d", number))
    assert written(lines, record("0"))  # forgotten
    assert written(lines, record("%d", LARGEST + 1)) is None


@pytest.mark.timeout(150)
async def test_without_internet_up_warns_once(start: StartCommand) -> None:
    attempts = asyncio.Semaphore(0)

    async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        attempts.release()

    async with stream_server(hang_up) as port:
        process = await start("up", "--no-responder", WA_WEB_URL=f"http://127.0.0.1:{port}/", WA_HTTP_PORT="off")
        async with asyncio.timeout(120):
            for _ in range(5):  # the browser itself tries twice for each attempt
                await attempts.acquire()
        process.terminate()
        out, err = await process.communicate()
    text = " ".join((out + err).decode().split())
    warned = re.findall(r"WhatsApp Web cannot be loaded: \S+", text)  # Chromium may give another reason later
    assert warned
    assert len(set(warned)) == len(warned)
    assert "cannot be reached" in text
