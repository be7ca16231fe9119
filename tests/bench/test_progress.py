"""The lines that a long measurement prints while it runs."""

from __future__ import annotations

import io

from bench.progress import Progress


def test_each_part_is_a_line_with_the_time_since_the_start() -> None:
    times, out = iter([100.0, 100.0, 100.4, 171.0]), io.StringIO()
    progress = Progress(2, 1.2, out=out, clock=lambda: next(times))
    progress.part("start")
    progress.part("messages")
    assert out.getvalue().splitlines() == [
        "[ 0:00] 2 parts, about 1 min in all",
        "[ 0:00] 1 of 2: start",
        "[ 1:11] 2 of 2: messages",
    ]
