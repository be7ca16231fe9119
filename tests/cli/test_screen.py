"""Log lines on the screen of `wa up`."""

from __future__ import annotations

import io
import logging
import re

from rich.console import Console

from bridge.cli.screen import ScreenLog


def test_log_lines_are_whole_lines_with_an_iso_time_once_it_runs() -> None:
    out = io.StringIO()
    handler = ScreenLog(Console(file=out, width=40))
    logger = logging.getLogger("a log of its own")
    logger.addHandler(handler)
    logger.propagate = False
    long = "running as root: Chromium's sandbox is off. Run the bridge as [another] user"
    logger.warning(long)
    handler.timed = True
    logger.error(long)
    first, second = out.getvalue().splitlines()
    assert first == f"! {long}"
    assert re.fullmatch(r"✗ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d " + re.escape(long), second)
