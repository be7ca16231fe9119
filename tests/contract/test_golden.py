"""Published payloads, byte for byte: a change here is a change for every user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.payloads import every_written

GOLDEN = Path(__file__).parent / "golden"
WRITTEN = every_written()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_payload_is_written_unchanged(name: str) -> None:
    assert WRITTEN[name][1] == (GOLDEN / f"{name}.json").read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize("name", WRITTEN)
def test_a_reader_gets_back_what_was_written_and_ignores_new_fields(name: str) -> None:
    written = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    read = WRITTEN[name][0].model_validate({**written, "of_a_later_version": {}})
    assert json.loads(read.to_json()) == written


def test_every_golden_file_belongs_to_a_payload() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(WRITTEN)


def test_every_json_payload_of_a_session_has_its_version() -> None:
    assert all(json.loads(written)["v"] == 1 for _, written in WRITTEN.values())
