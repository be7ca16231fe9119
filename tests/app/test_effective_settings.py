"""Settings as operators see them: sources, values as they are written, masked secrets; of all three programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.asgi.settings_report import SettingsReport
from bridge.contract.effective_settings import EffectiveSetting, effective
from bridge.contract.settings_file import ProgramSettings
from bridge.settings import load
from campaigns.settings import load as load_campaigns
from responder.settings import load as load_responder


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def by_name(found: list[EffectiveSetting]) -> dict[str, EffectiveSetting]:
    return {one.name: one for one in found}


def test_each_value_has_its_source_and_secrets_are_masked() -> None:
    environment = {"WA_MQTT_URL": "mqtt://bridge:s3cret@broker:1883, mqtts://b:s3cret@other"}
    file: dict[str, str | None] = {"WA_PACE": "5/minute"}
    settings = load(addresses=environment["WA_MQTT_URL"], pace="5/minute", jwt_secret="s3cret" * 6)
    shown = by_name(effective(settings, environment, file))
    assert shown["WA_MQTT_URL"].value == "mqtt://bridge:***@broker:1883, mqtts://b:***@other:8883"
    assert (shown["WA_MQTT_URL"].source, shown["WA_PACE"].source) == ("environment", ".env")
    assert (shown["WA_SESSIONS"].value, shown["WA_SESSIONS"].source) == ("haby=51", "default")
    assert shown["WA_JWT_SECRET"].value == "***"
    assert "s3cret" not in str(shown)


def test_a_name_in_lower_case_counts_as_it_does_for_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WA_PACE_CHAT", raising=False)
    monkeypatch.setenv("wa_pace_chat", "3/minute")
    settings = load()
    assert settings.pace_chat.text == "3/minute"
    shown = by_name(effective(settings, {"wa_pace_chat": "3/minute"}, {}))["WA_PACE_CHAT"]
    assert (shown.value, shown.source) == ("3/minute", "environment")


def test_credentials_inside_other_values_are_masked_too() -> None:
    given = {"WA_WEB_URL": "http://user:s3cret@proxy/", "WA_PROXY": "haby=http://u:s3cret@proxy:3128"}
    shown = by_name(effective(load(**given), given, {}))
    assert "s3cret" not in str(shown)
    assert shown["WA_PROXY"].value == "haby=http://***@proxy:3128"


@pytest.mark.parametrize("read", [load, load_responder, load_campaigns])
def test_a_default_is_shown_as_it_is_written(read: Callable[..., ProgramSettings]) -> None:
    found = effective(read(), {}, {})
    assert {one.source for one in found} == {"default"}
    assert all(one.description for one in found)
    assert not [one.name for one in found if any(sign in one.value for sign in "(){}<>")]
    assert not [one.name for one in found if one.secret and one.is_set]


def test_numbers_and_lists_of_the_responder_are_shown_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"RESPONDER_BLOCKED": "+54 9 11 5550-0001", "RESPONDER_HOURS": "lun-vie 09:00-18:00", "DB_PASSWORD": "x1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    shown = by_name(effective(load_responder(), given, {}))
    assert shown["RESPONDER_BLOCKED"].value == "+54 9 11 5550-0001"
    assert shown["RESPONDER_HOURS"].value == "lun-vie 09:00-18:00"
    assert (shown["DB_PASSWORD"].value, shown["DB_PASSWORD"].is_set) == ("***", True)


def test_what_the_command_set_itself_is_said_and_what_waits_in_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("RESPONDER_GATHER=3\n")
    monkeypatch.delenv("PORT", raising=False)
    settings: Any = load_responder().model_copy(update={"port": 4013})
    report = SettingsReport(settings, load_responder)
    (tmp_path / ".env").write_text("RESPONDER_GATHER=4\n")
    shown = by_name(report.read())
    assert (shown["PORT"].value, shown["PORT"].source, shown["PORT"].default) == ("4013", "wa up", "3013")
    gather = shown["RESPONDER_GATHER"]
    assert (gather.value, gather.source, gather.waits) == ("3", ".env", True)
