"""Rows whose call into the page was made and whose outcome is not known yet. Pure: time comes in."""

from __future__ import annotations

import math

from bridge.contract.backoff import Backoff
from bridge.core.pacing import HOLD
from bridge.ports import OutboxRow

#: Seconds after which a message that WhatsApp Web holds without the server's ack is reported as unknown.
DOUBT_LIMIT = 3600.0
#: Before a send that could not start, or a look-up that was not answered, is tried again.
RETRY = Backoff(2.0, 60.0)


def doubt_ends(row: OutboxRow) -> float:
    """Unix time when waiting for the ack ends: not before the chat's hold is over, and after an hour at the latest."""
    limit = row.changed_at + DOUBT_LIMIT
    return max(row.changed_at + HOLD, min(row.claim.expires_at or limit, limit))


class InDoubt:
    """The rows that await an ack or a look-up, and how often each row was tried in vain.

    A row is not in here while a call for it runs. `now` is monotonic; the end of a doubt is unix time.
    """

    def __init__(self) -> None:
        self._rows: dict[int, tuple[OutboxRow, float]] = {}  # with the time of the look-up
        self._tries: dict[int, int] = {}

    def await_ack(self, row: OutboxRow) -> None:
        """Keep a row until an ack settles it, its doubt ends or the page is replaced. A scheduled look-up stays."""
        _, at = self._rows.get(row.number, (row, math.inf))
        self._rows[row.number] = row, at

    def awaits(self, row: OutboxRow) -> bool:
        """Whether a row is in here."""
        return row.number in self._rows

    def look_up(self, row: OutboxRow, at: float) -> None:
        """Schedule a look-up of a row."""
        self._rows[row.number] = row, at

    def look_up_all(self, now: float) -> list[OutboxRow]:
        """Make every look-up due now; returns the rows. For a new page, which may know more than the one before."""
        rows = [row for row, _ in self._rows.values()]
        for row in rows:
            self.look_up(row, now)
        return rows

    def take_due(self, now: float, limit: int) -> list[OutboxRow]:
        """Remove and return rows whose look-up is due, at most `limit`."""
        due = [row for row, at in self._rows.values() if at <= now][:limit]
        for row in due:
            del self._rows[row.number]
        return due

    def next_look_up(self) -> float | None:
        """When the next look-up is due, or None."""
        at = min((at for _, at in self._rows.values()), default=math.inf)
        return None if math.isinf(at) else at

    def ended(self, unix_now: float) -> list[OutboxRow]:
        """Rows whose outcome is to be reported as unknown."""
        return [row for row, _ in self._rows.values() if unix_now >= doubt_ends(row)]

    def next_end(self) -> float | None:
        """Unix time when the next doubt ends, or None."""
        return min((doubt_ends(row) for row, _ in self._rows.values()), default=None)

    def pause(self, row: OutboxRow) -> float:
        """Count a try of a row in vain; returns the seconds before the next one."""
        tries = self._tries[row.number] = self._tries.get(row.number, 0) + 1
        return RETRY.pause(tries)

    def settle(self, row: OutboxRow) -> None:
        """Forget a row whose outcome is known."""
        self._rows.pop(row.number, None)
        self._tries.pop(row.number, None)
