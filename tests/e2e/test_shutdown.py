"""Shutdown: Ctrl-C, SIGTERM, kill -9, and the state afterwards."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil

from tests.e2e.conftest import Product, command, first_lines, running, subscriber, until
from tests.mosquitto_server import free_port

ANA = "5491155500001@c.us"


async def states(product: Product) -> dict[str, str]:
    """State of each session, from `wa status`."""
    _, out, _ = await command(product, "wa", "status", "--json")
    return {status["session"]: status["state"] for status in map(json.loads, out.splitlines())}


async def stops_cleanly(product: Product, number: signal.Signals) -> None:
    """End it with a signal: exit code 0, its last words, and no process is left."""
    processes = product.tree()
    assert len(processes) > 3, "broker, browser and Playwright are children"
    os.kill(product.process.pid, number)
    assert await product.process.ended() == 0
    await until(
        lambda: not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE],
        "all processes end",
    )
    assert product.leftover_processes() == []
    assert product.lines[-1] == "Stopped."


async def test_ctrl_c_stops_it_cleanly_and_leaves_no_process(tmp_path: Path) -> None:
    async with running(tmp_path) as product:
        await product.printed("haby connected")
        await stops_cleanly(product, signal.SIGINT)


async def test_a_second_ctrl_c_ends_it_at_once_without_a_traceback(tmp_path: Path) -> None:
    async with running(tmp_path) as product:
        await product.printed("haby connected")
        os.kill(product.process.pid, signal.SIGINT)
        await product.printed("Stopping…")
        os.kill(product.process.pid, signal.SIGINT)
        assert await product.process.ended() == 130
        after = product.lines[product.lines.index("Stopping…") + 1 :]
        assert after[-1:] == ["Ended at once, without a clean stop."]
        assert [line for line in after if "Traceback" in line] == []


async def test_a_second_instance_is_refused_and_sigterm_stops_the_first_cleanly(tmp_path: Path) -> None:
    async with running(tmp_path) as product:
        await product.printed("haby connected")
        code, _, errors = await command(product, "wa", "up", "--sandbox", "--sandbox-port", "0")
        assert code == 2
        assert "Stop it, or set WA_DATA_DIR." in " ".join(errors.split())
        await stops_cleanly(product, signal.SIGTERM)


async def test_after_kill_9_the_login_is_kept_and_missed_messages_are_late(tmp_path: Path) -> None:
    port = free_port()
    async with running(tmp_path, port=port) as first:
        await first.printed("haby connected")
        sub = await first.hint("mosquitto_sub")
        async with subscriber(sub) as next_message:
            await first.api("POST", "/incoming", {"chat": ANA, "body": "before"})
            assert (await next_message())["body"] == "before"
        # the sandbox runs in the killed process and keeps only what is on its disk
        await first.api("PUT", "/link", {"up": False})
        for body in ("while away 1", "while away 2"):
            await first.api("POST", "/incoming", {"chat": ANA, "body": body})
        kept = tmp_path / "data" / "sandbox" / "sandbox.json"
        await until(lambda: "while away 2" in kept.read_text(), "the sandbox has saved")
        first.process.kill()
        await first.process.ended()
    async with running(tmp_path, port=port) as second:
        await second.api("PUT", "/link", {"up": True})
        await second.printed("haby connected")
        assert not [line for line in second.lines if "pairing" in line], "the login was restored"
        messages = await first_lines(second, 3, "wa", "listen", "--from-start", "--json")
        assert [(m["body"], m["late"]) for m in messages] == [
            ("before", False),
            ("while away 1", True),
            ("while away 2", True),
        ]
        assert [m["seq"] for m in messages] == [1, 2, 3]
        assert await states(second) == {"haby": "connected"}
