"""The environment files: every setting is explained and shows its default, and no secret has a value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import bridge.settings
import campaigns.settings
import responder.settings

DEPLOY = Path(__file__).parents[2] / "deploy"
BRIDGE, RESPONDER = DEPLOY / "wa.env.example", DEPLOY / "responder.env.example"
CAMPAIGNS = DEPLOY / "campaigns.env.example"
LINE = re.compile(r"(?m)^#([A-Z][A-Z0-9_]*)=(.*)$")
SETTINGS: list[tuple[type[BaseSettings], tuple[Path, ...]]] = [
    (bridge.settings.BridgeSettings, (BRIDGE,)),
    (responder.settings.ResponderSettings, (BRIDGE, RESPONDER)),
    (campaigns.settings.CampaignSettings, (BRIDGE, CAMPAIGNS)),
]


def shown(*files: Path) -> dict[str, str]:
    """The settings with every line uncommented."""
    pairs = [pair for file in files for pair in LINE.findall(file.read_text(encoding="utf-8"))]
    assert len(pairs) == len(dict(pairs)), "a setting is listed twice"
    return dict(pairs)


def variables(settings: type[BaseSettings]) -> set[str]:
    return {str(field.validation_alias) for field in settings.model_fields.values()}


def test_the_files_list_exactly_the_settings_of_the_programs() -> None:
    of_bridge, of_responder, of_campaigns = (variables(settings) for settings, _ in SETTINGS)
    assert set(shown(BRIDGE)) == of_bridge
    assert set(shown(RESPONDER)) == of_responder - of_bridge
    assert set(shown(CAMPAIGNS)) == of_campaigns - of_bridge


@pytest.mark.parametrize(("settings", "files"), SETTINGS)
def test_the_values_shown_are_the_defaults(
    settings: type[BaseSettings], files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in variables(settings):
        monkeypatch.delenv(name, raising=False)
    defaults = settings()
    for name, value in shown(*files).items():
        monkeypatch.setenv(name, value)
    assert settings() == defaults


def test_each_setting_is_explained_and_no_secret_has_a_value() -> None:
    for file in (BRIDGE, RESPONDER, CAMPAIGNS):
        lines = file.read_text(encoding="utf-8").splitlines()
        assert all(line.startswith("#") or not line for line in lines), "every setting is commented out"
        for number, line in enumerate(lines):
            if LINE.match(line):
                above = [other for other in lines[:number] if not LINE.match(other)][-1]
                assert above.startswith("# "), f"{line} has no explanation"
    for settings, files in SETTINGS:
        for field in settings.model_fields.values():
            if "SecretStr" in str(field.annotation):
                assert shown(*files)[str(field.validation_alias)] == ""
