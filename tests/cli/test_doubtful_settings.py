"""Settings that are valid and do nothing: each program says so at its start, in one sentence with the value."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.doubtful_settings import doubts
from bridge.settings import load as load_bridge
from responder.settings import load as load_responder
from tests.cli.conftest import StartCommand


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"db_user": "wa", "db_password": "s3cret"}, "DB_USER=wa, DB_PASSWORD are set without DB_HOST"),
        ({"openai_base_url": "http://gpu:8000/v1"}, "OPENAI_BASE_URL=http://gpu:8000/v1 is set without OPENAI_API_KEY"),
        ({"prompt_vars": "negosio=Sol", "openai_api_key": "sk-1"}, "does not contain {{negosio}}"),
        ({"callback_url": "http://10.0.0.7:3013/x"}, "without MASSIVE_SENDER_URL"),
        ({"closed_text": "Cerrado"}, "RESPONDER_CLOSED_TEXT='Cerrado' is never sent"),
        ({"own": "5491155500001"}, "RESPONDER_OWN=5491155500001@c.us has no effect"),
        ({"admins": "541155500001", "blocked": "+54 9 11 5550-0001"}, "in ADMIN_NUMBERS and in RESPONDER_BLOCKED"),
        ({"cliente_id": 52}, "CLIENTE_ID=52: no session of WA_SESSIONS (haby=51)"),
        (
            {"sender_url": "http://127.0.0.1:3011", "callback_url": "http://10.0.0.7:3013/x"},
            "not in WA_CALLBACK_HOSTS (loopback)",
        ),
    ],
)
def test_a_value_of_the_responder_that_can_match_nothing_is_named(given: dict[str, Any], named: str) -> None:
    [finding] = doubts(load_bridge(), load_responder(**given))
    assert named in finding.what
    assert "s3cret" not in finding.what


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"db_host": "db", "db_database": "wa", "db_user": "wa"},
        {"closed_text": "Cerrado", "hours": "lun-vie 09:00-18:00"},
        {"own": "5491155500001", "groups": "mentioned"},
        {"cliente_id": 51},
        {"sender_url": "http://127.0.0.1:3011", "callback_url": "http://127.0.0.1:3013/x"},
        {"sender_url": "http://sender.example", "callback_url": "http://10.0.0.7:3013/x"},
        {"openai_api_key": "sk-1", "openai_model": "llama3"},
    ],
)
def test_a_value_with_an_effect_is_not(given: dict[str, Any]) -> None:
    assert list(doubts(load_bridge(), load_responder(**given))) == []


@pytest.mark.parametrize(
    ("hours", "given", "named"),
    [
        ("{open: lun-vie 09:00-18:00, closed_text: Cerrado}", {"closed_text": "No"}, "RESPONDER_CLOSED_TEXT=No is set"),
        ("{open: lun-vie 09:00-18:00}", {"hours": "sab 09:00-13:00"}, "RESPONDER_HOURS="),
        ("{closed_text: Cerrado}", {}, "closed_text of `hours` in"),
        ("{open: lun-vie 09:00-18:00, closed_text: Cerrado}", {}, None),
    ],
)
def test_the_hours_of_the_rules_file_count(
    tmp_path: Path, hours: str, given: dict[str, Any], named: str | None
) -> None:
    rules = tmp_path / "reglas.yaml"
    rules.write_text(f"version: 1\nhours: {hours}\n")
    found = [finding.what for finding in doubts(load_bridge(), load_responder(rules_file=rules, **given))]
    assert len(found) == (named is not None)
    assert all(named in what and str(rules) in what for what in found if named)


@pytest.mark.parametrize("program", ["bridge", "responder"])
async def test_a_program_warns_at_its_start(start: StartCommand, tmp_path: Path, program: str) -> None:
    (tmp_path / ".env").write_text("WA_SESIONS=a=1\nCLIENT_ID=7\n")
    process = await start(program, WA_DRIVER="scripted", WA_HTTP_PORT="0", PORT="0", WA_JWT_AUDIENCE="shop")
    assert process.stderr is not None
    seen, wanted = "", ("Did you mean WA_SESSIONS?", "Did you mean CLIENTE_ID?", "WA_JWT_AUDIENCE=shop has no effect")
    async with asyncio.timeout(60):
        while not all(words in seen for words in wanted):
            line = (await process.stderr.readline()).decode()
            assert line, seen
            seen += line
    process.terminate()
    await process.communicate()
