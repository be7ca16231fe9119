"""Nothing from outside acts on a terminal, or imitates a line of a log."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.foreign_text import LogFormatter, escaped, escaped_json, one_line, printable
from bridge.cli.startup import JsonFormatter

ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
FORGED = "\n2026-11-28 12:00:00,000 INFO    bridge: FORGED\x1b[2J\x9b31m\u202e\r"


@given(st.text())
def test_no_text_acts_on_a_terminal(text: str) -> None:
    assert not ACTS.search(escaped(text))
    assert not ACTS.search(one_line(text))
    assert not ACTS.search(printable(text).replace("\n", "").replace("\t", ""))
    document = escaped_json(json.dumps({"text": text}, ensure_ascii=False))
    assert not ACTS.search(document)
    assert json.loads(document) == {"text": text}


@pytest.mark.parametrize("formatter", [LogFormatter("%(asctime)s %(message)s"), JsonFormatter()], ids=["text", "json"])
def test_a_record_is_one_line_whatever_it_contains(formatter: logging.Formatter) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    log = logging.Logger("test")  # noqa: LOG001 - without the handlers of others
    log.addHandler(handler)
    log.info("GET %s", FORGED)
    (line,) = out.getvalue().splitlines()
    assert not ACTS.search(line)
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("failed")
    _, first, *traceback = out.getvalue().split("\n")[:-1]
    assert "failed" in first
    assert all(row.startswith("    ") and not ACTS.search(row) for row in traceback)
