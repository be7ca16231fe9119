"""When the next file of a backlog may be downloaded. Pure: time comes in.

A text on its way shares the page, the browser and the event loop with the downloads beside it. With a burst of pictures
they must leave room: a backlog is taken one file after the other, each followed by a rest as long as it took.
"""

from __future__ import annotations

import math

#: Seconds after which a download that still runs, or that took long, delays the next one no more.
LONGEST = 0.5


class DownloadPace:
    """The pace of one session's downloads. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._began = -math.inf
        self._gap = 0.0

    def began(self, number: int, now: float) -> None:
        """A download began; `number` identifies it."""
        self._last, self._began, self._gap = number, now, LONGEST

    def ended(self, number: int, now: float) -> None:
        """A download ended, whatever came of it."""
        if number == self._last:
            self._gap = min(2 * (now - self._began), LONGEST)

    def pause(self, now: float) -> float:
        """Seconds until the next one of a backlog may begin; 0: now."""
        return max(0.0, self._began + self._gap - now)
