"""Settings: sources and their order; an invalid value is reported with its variable and a valid form."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from bridge.contract.errors import StartError
from bridge.setting_types import Retention, SessionSetting
from bridge.settings import BridgeSettings, load
from campaigns.settings import load as load_campaigns
from responder.settings import load as load_responder

PASSWORD = "not-a-placeholder-9"


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the variables set, and a working directory without `.env`."""
    for field in BridgeSettings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_variable_there_is_one_session_and_a_private_broker() -> None:
    settings = load()
    assert settings.sessions == (SessionSetting("haby", 51),)
    assert (settings.addresses, settings.topics.prefix, settings.mqtt_protocol) == ((), "wa", "3.1.1")
    assert settings.session_dir("haby") == Path("data/sessions/haby")
    assert settings.retention == Retention(30, 10**9)
    assert (settings.pacing.session.rate, settings.pacing.session.burst) == (20 / 60, 5)
    assert settings.instance


def test_the_environment_precedes_env_and_that_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WA_MQTT_PREFIX=file/wa\nWA_PACE=5/second\nWA_INSTANCE=\nOTHER=x\n")
    monkeypatch.setenv("WA_PACE", "off")
    monkeypatch.setenv("WA_SESSIONS", " shop = 7 , bar=8 ,")
    settings = load()
    assert settings.mqtt_prefix == "file/wa"
    assert settings.pacing.session.is_off
    assert math.isinf(settings.pacing.chat.rate)
    assert settings.sessions == (SessionSetting("shop", 7), SessionSetting("bar", 8))
    assert settings.instance


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("# first\n\nfoo bar\n", ".env, line 3: not understood"),
        ("OTHER\n\nWA_PACE=off\nWA_HTTP_PORT\n", ".env, line 4: WA_HTTP_PORT has no value"),
        (None, ".env is a folder"),
    ],
)
def test_a_file_that_would_be_ignored_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").mkdir() if content is None else (tmp_path / ".env").write_text(content)
    with pytest.raises(StartError, match=re.escape(sentence)):
        load()


def test_only_the_names_of_settings_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PORT is the responder's: the campaigns service would listen on its port."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("WA_MQTT_PREFIX=file/wa\nINSTANCE=other\n")
    monkeypatch.setenv("PORT", "4001")
    assert (load().mqtt_prefix, load().instance == "other") == ("file/wa", False)
    assert load(instance="mine").instance == "mine"
    assert load_campaigns().port == 3015
    assert load_responder().port == 4001


def test_a_list_of_brokers_is_tried_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "WA_MQTT_URL", f"mqtts://bridge:{PASSWORD}@one.example:8883, ws://bridge:{PASSWORD}@two.example/x"
    )
    assert [address.host for address in load().addresses] == ["one.example", "two.example"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("WA_MQTT_URL", "http://broker", "WA_MQTT_URL"),
        ("WA_MQTT_URL", "mqtt://bridge:changeme@broker", "placeholder"),
        ("WA_MQTT_URL", f"mqtt://bridge:{PASSWORD}@broker:0", "port"),
        ("WA_MQTT_PREFIX", "wa/#", "topic prefix"),
        ("WA_MQTT_PROTOCOL", "3.1", "'3.1.1' or '5'"),
        ("WA_SESSIONS", "haby", "name=cliente_id"),
        ("WA_SESSIONS", "haby=x", "name=cliente_id"),
        ("WA_SESSIONS", "haby=1,haby=2", "twice"),
        ("WA_SESSIONS", "bridge=1", "reserved"),
        ("WA_SESSIONS", "a b=1", "session name"),
        ("WA_SESSIONS", " , ", "no session"),
        ("WA_WEB_URL", "web.whatsapp.com", "https://"),
        ("WA_INSTANCE", "my host", "letters"),
        ("WA_PACE", "fast", "20/minute"),
        ("WA_PACE_CHAT", "0/minute", "20/minute"),
        ("WA_PACE_BURST", "0", "must be at least 1"),
        ("WA_PACE_SPACING", "-1", "must be at least 0"),
        ("WA_PACE_JITTER", "many", "number"),
        ("WA_PACE_NEW", "1/0s", "1/30s"),
        ("WA_PACE_NEW", "often", "1/30s"),
        ("WA_NEW_PER_DAY", "0", "must be at least 1"),
        ("WA_QUIET_HOURS", "21", "21:00-09:00"),
        ("WA_QUIET_HOURS", "09:00-21:00,21:00-09:00", "whole day"),
        ("WA_TZ", "Argentina/Buenos Aires", "America/Argentina/Cordoba"),
        ("WA_TZ", "/etc/passwd", "is not a time zone"),
        ("WA_RETENTION", "30 days", "30d,1GB"),
        ("WA_LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("WA_LOG_FORMAT", "xml", "'text' or 'json'"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_to_write(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StartError) as wrong:
        load()
    assert variable in wrong.value.text
    assert said in wrong.value.text
    assert PASSWORD not in wrong.value.text


def test_all_wrong_values_are_reported_at_once() -> None:
    with pytest.raises(StartError, match=r"WA_PACE: .*WA_RETENTION: ") as wrong:
        load(pace="fast", WA_RETENTION="x")
    assert "Value error" not in wrong.value.text


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_MQTT_URL", f"mqtt://bridge:{PASSWORD}@broker")
    settings = load()
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.addresses)):
        assert PASSWORD not in shown


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().pace_burst = 1  # type: ignore[misc]


def test_first_messages_have_a_pace_by_default_and_none_where_all_pacing_is_off() -> None:
    default, off = load(), load(WA_PACE="off", WA_NEW_PER_DAY=5, WA_QUIET_HOURS="21:00-09:00")
    assert (str(default.pacing.new), default.pacing.per_day, str(default.pacing.quiet)) == ("1/30s", None, "")
    assert (off.pacing.new.is_off, off.pacing.per_day) == (True, None)
    assert len(off.pacing.quiet.minutes) == 12 * 60, "quiet hours are no pace"
    assert load(WA_PACE_NEW="off").pacing.new.is_off


def test_bridges_that_share_sessions_name_this_one() -> None:
    assert load(WA_INSTANCE="north", WA_BRIDGES="north, south").bridges == ("north", "south")
    for wrong in ("south,east", "north,north", "north,so uth"):
        with pytest.raises(StartError, match="WA_BRIDGES"):
            load(WA_INSTANCE="north", WA_BRIDGES=wrong)
