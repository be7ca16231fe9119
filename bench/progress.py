"""What a long measurement is at: a line on stderr for each part, with the time since the start."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO


class Progress:
    """`parts` is how many there will be, `minutes` how long all of them take on two quiet cores."""

    def __init__(
        self,
        parts: int,
        minutes: float,
        *,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parts = parts
        self._out = out or sys.stderr
        self._clock = clock
        self._began = clock()
        self._part = 0
        self._write(f"{parts} parts, about {max(1, round(minutes))} min in all")

    def part(self, name: str) -> None:
        """The next part begins."""
        self._part += 1
        self._write(f"{self._part} of {self._parts}: {name}")

    def _write(self, text: str) -> None:
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        self._out.write(f"[{minutes:2}:{seconds:02}] {text}\n")
        self._out.flush()
