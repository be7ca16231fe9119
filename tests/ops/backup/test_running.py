"""Backup and restore of the whole product, with a real browser's login, while the session is connected."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.e2e.conftest import Product, command, first_lines, running
from tests.forked import forked, run_forked
from tests.mosquitto_server import free_port

ANA = "5491155500001@c.us"
#: Databases of `wa up` that a backup includes beside the session.
SHARED = ["bridge.db", "campaigns.db", "responder.db"]


async def wa(product: Product, *arguments: str) -> tuple[int, str, str]:
    """Run `wa` on the sandbox's data."""
    product.environment["WA_DATA_DIR"] = str(product.directory / "data" / "sandbox")
    return await command(product, "wa", *arguments)


async def write(product: Product, body: str) -> None:
    await product.api("POST", "/incoming", {"chat": ANA, "body": body})


async def connected_since(product: Product) -> str:
    """Wait until the session is connected; returns its `since`."""
    command = ["wa", "status", "--watch", "--json"]
    async with forked(command, product.environment, product.directory) as (_, out), asyncio.timeout(30):
        async for line in out:
            status = json.loads(line)
            if status["state"] == "connected":
                return str(status["since"])
    raise AssertionError("the command ended")


@pytest.mark.timeout(180)
async def test_a_connected_session_is_backed_up_and_restored_with_its_login_and_nothing_is_lost(tmp_path: Path) -> None:
    port = free_port()
    async with running(tmp_path, port=port) as first:
        await first.printed("haby connected")
        await write(first, "before")
        code, out, err = await wa(first, "backup", "--json")
        assert (code, err) == (0, "")
        backup = json.loads(out)
        assert (backup["profile"], backup["shared"], backup["lacking"]) == (True, SHARED, {})
        assert 0 < backup["paused"] < 20
        await write(first, "after the backup")
        received = await first_lines(first, 2, "wa", "listen", "--all", "--json")
        assert [message["body"] for message in received] == ["before", "after the backup"]

        folder = Path(backup["file"]).parent
        (tmp_path / folder / "haby-20200101T000000Z.tar.gz").touch()
        (tmp_path / folder / "other-name.tar.gz").touch()
        since = await connected_since(first)
        code, out, _ = await wa(first, "backup", "--store-only", "--keep", "2", "--json")
        assert code == 0
        assert json.loads(out)["paused"] is None
        assert json.loads(out)["removed"] == [str(folder / "haby-20200101T000000Z.tar.gz")]
        assert await connected_since(first) == since, "the session stayed connected"

        code, _, err = await wa(first, "restore", backup["file"], "--yes")
        assert code == 1
        assert "A bridge uses session haby" in err
        code, _, err = await wa(first, "store", "reset", "--yes")
        assert code == 1
        assert "A bridge uses session haby" in err

    code, out, err = await wa(first, "restore", backup["file"], "--yes", "--json")
    assert (code, err) == (0, "")
    restored = json.loads(out)
    assert (restored["shared"], restored["shared_left"]) == ([], SHARED)
    assert restored["from_epoch"] == backup["epoch"] != restored["epoch"]
    async with running(tmp_path, port=port) as second:
        await second.printed("haby connected")
        assert not [line for line in second.lines if "pairing" in line], "the login is restored from the backup"
        received = await first_lines(second, 2, "wa", "listen", "--all", "--json")
        assert [(message["body"], message["epoch"]) for message in received] == [
            ("before", restored["epoch"]),
            ("after the backup", restored["epoch"]),
        ]


async def test_sessions_that_are_not_configured_are_refused(tmp_path: Path) -> None:
    for arguments in (("backup", "--session", "../x"), ("store", "reset", "--session", "none", "--yes")):
        done = await run_forked(arguments, os.environ, tmp_path)
        assert done.code == 6
        assert "There is no session" in done.err
