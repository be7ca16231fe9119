"""`wa up` with files that the responder cannot use: it does not start, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Wa


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        (
            "version: 1\nrules:\n- name: a\n  when:\n    contien: [x]\n  answer: x",
            "line 5: rules.0.when.any.contien: unknown key",
        ),
    ],
    ids=["missing", "misspelt"],
)
async def test_broken_rules_stop_the_start(wa: Wa, tmp_path: Path, content: str | None, sentence: str) -> None:
    path = tmp_path / "rules.yaml"
    if content is not None:
        path.write_text(content)
    ports = {"WA_HTTP_PORT": "0", "PORT": "0"}
    done = await wa("up", "--sandbox", **ports, RESPONDER_RULES=str(path))
    assert done.code != 0
    assert "RESPONDER_RULES" in done.err
    assert sentence in done.err
    assert "answers by rules" not in done.out
