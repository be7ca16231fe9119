"""Mistakes of every day end in one sentence that says what to do, and commands that only read create nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.broker import BrokerAddress
from bridge.ops.private_broker.address_file import write_broker_json
from tests.cli.conftest import Environment, Wa
from tests.mosquitto_server import free_port


@pytest.mark.parametrize("name", ["missing.csv", "missing.json"])
async def test_a_campaign_from_a_missing_file(wa: Wa, name: str) -> None:
    result = await wa("campaign", "plan", name, "--text", "Hola")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {name} cannot be read: No such file or directory.\n"


async def test_a_backup_that_is_none(wa: Wa, tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("doubtful")
    result = await wa("restore", "d.txt", "--check")
    assert result.code != 0
    assert "d.txt is not a session backup" in result.out + result.err
    assert "b'do'" not in result.out + result.err


async def test_listing_keys_creates_nothing(wa: Wa, tmp_path: Path) -> None:
    result = await wa("key", "list")
    assert (result.code, "No key exists." in result.out) == (0, True)
    assert not (tmp_path / "data").exists()


async def test_the_private_broker_of_a_wa_up_that_was_killed(wa: Wa, environment: Environment, tmp_path: Path) -> None:
    del environment["WA_MQTT_URL"]
    (tmp_path / "data").mkdir()
    write_broker_json(tmp_path / "data", BrokerAddress.parse(f"mqtt://wa:secret@127.0.0.1:{free_port()}"))
    result = await wa("status")
    assert result.code == 5
    assert "start `wa up` in this folder" in result.err
