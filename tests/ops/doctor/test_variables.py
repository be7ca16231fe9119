"""What the doctor says of settings: unknown names, values without effect, refused ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.contract.errors import StartError
from bridge.ops.doctor.ineffective import ineffective
from bridge.ops.doctor.variables import invalid, unknown
from bridge.settings import load


@pytest.fixture(autouse=True)
def _no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_unknown_name_is_reported_with_the_most_similar_one() -> None:
    [finding] = unknown({"WA_MQTT_ULR": "x", "WA_PACE": "off", "PATH": "/bin"}, {})
    assert finding.level == "warning"
    assert "WA_MQTT_ULR" in finding.what
    assert "Did you mean WA_MQTT_URL?" in str(finding.advice)


def test_an_unknown_name_without_a_similar_one_has_no_suggestion() -> None:
    [finding] = unknown({}, {"WA_ZZZZZZZZZZZZ": "x"})
    assert "Did you mean" not in str(finding.advice)


def test_names_of_both_programs_are_known_and_those_of_others_are_left_alone() -> None:
    responder = ["RESPONDER_HOURS", "CLIENTE_ID", "ADMIN_NUMBERS"]
    file: dict[str, str | None] = {"RESPONDER_HOUR": "x", "CLIENT_ID": "52", "ADMIN_NUMBERS": "1", "CAT_NUMBER": "1"}
    environment = {"CLIENTE_IDS": "of another program", "WA_CREDENTIALS": "of deploy/docker", "Wa_Pace": "off"}
    found = {finding.what.partition(" ")[0]: str(finding.advice) for finding in unknown(environment, file, responder)}
    assert sorted(found) == ["CLIENT_ID", "RESPONDER_HOUR"]
    assert "Did you mean CLIENTE_ID?" in found["CLIENT_ID"]
    assert "Did you mean RESPONDER_HOURS?" in found["RESPONDER_HOUR"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mqtt_ca_file": "ca.pem", "addresses": "mqtt://broker,ws://broker"}, "WA_MQTT_CA_FILE=ca.pem"),
        ({"jwt_audience": "shop"}, "WA_JWT_AUDIENCE=shop"),
        ({"pace": "off", "pace_chat": "5/minute"}, "WA_PACE_CHAT"),
        ({"pace": "off", "pace_new": "1/minute"}, "WA_PACE_NEW"),
        ({"zone": "America/Montevideo"}, "WA_TZ=America/Montevideo"),
        ({"instance": "north", "bridges": "north,south"}, "WA_BRIDGES=north,south"),
        ({"callback_hosts": "loopback,crm"}, "WA_CALLBACK_HOSTS: crm"),
        ({"callback_hosts": "crm.lan"}, "WA_CALLBACK_HOSTS: crm.lan"),
    ],
)
def test_a_value_without_effect_is_named(given: dict[str, Any], named: str) -> None:
    [finding] = ineffective(load(**given))
    assert (finding.level, finding.what.startswith(named) or named in finding.what) == ("warning", True)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mqtt_ca_file": "ca.pem", "addresses": "mqtt://broker,mqtts://broker"},
        {"jwt_audience": "shop", "jwt_secret": "s3cret" * 6},
        {"pace_chat": "5/minute"},
        {"instance": "north", "bridges": "north"},
        {"instance": "north", "bridges": "north,south", "addresses": "mqtt://broker"},
        {"callback_hosts": "crm,172.16.0.0/12"},
        {"callback_hosts": "crm.example"},
    ],
)
def test_a_value_with_an_effect_is_not(given: dict[str, Any]) -> None:
    assert list(ineffective(load(**given))) == []


def test_every_invalid_value_is_one_fault() -> None:
    with pytest.raises(StartError) as refused:
        load(pace="often", retention="long")
    findings = invalid(refused.value.text)
    assert [finding.level for finding in findings] == ["fault", "fault"]
    assert findings[0].what.startswith(("WA_PACE", "pace"))
    assert findings[1].what.startswith(("WA_RETENTION", "retention"))
