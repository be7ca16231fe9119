"""A log that does not repeat itself: a loop that tries again and again warns once, then now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

#: Seconds after which a line that is still repeated is written again: the log of a week must still say it.
INTERVAL = 600.0
#: Different lines that are remembered; the one that was written first is forgotten first.
LARGEST = 1_000


@dataclass(slots=True)
class _Written:
    at: float
    left_out: int = 0


class RepeatedLines(logging.Filter):
    """Leaves out a warning or an error that was written less than `INTERVAL` seconds ago, in the same words.

    The next one that is written counts those that were left out. Lines with a traceback are always written.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._written: dict[tuple[str, int, str], _Written] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        line, now = record.getMessage(), self._now()
        key = (record.name, record.levelno, line)
        before = self._written.get(key)
        if before is not None and now - before.at < INTERVAL:
            before.left_out += 1
            return False
        self._written.pop(key, None)
        self._written[key] = _Written(now)
        if len(self._written) > LARGEST:
            del self._written[next(iter(self._written))]
        if before is not None and before.left_out:
            record.msg, record.args = f"{line} ({before.left_out} more in the last {now - before.at:.0f} s)", None
        return True
