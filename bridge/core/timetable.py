"""Queued rows whose time has not come: sent at a time, or after the quiet hours. Pure; times are unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, KeysView
from datetime import tzinfo
from heapq import heappop, heappush

from bridge.contract.commands import Priority
from bridge.contract.quiet_hours import QuietHours
from bridge.contract.waiting import WaitReason
from bridge.ports import Claim, OutboxRow


class Timetable:
    """When each of these rows is due, and why not before. Bulk rows wait here while it is quiet."""

    def __init__(self, quiet: QuietHours, zone: tzinfo) -> None:
        self._quiet = quiet if quiet.minutes else None
        self._zone = zone
        self._quiet_until: float | None = None
        self._rows: dict[int, tuple[float, WaitReason]] = {}
        self._heap: list[tuple[float, int]] = []  # outdated entries stay until they come up

    @property
    def quiet_hours(self) -> tuple[str, str] | None:
        """The quiet hours and their time zone as settings write them; None without any."""
        return None if self._quiet is None else (str(self._quiet), str(self._zone))

    @property
    def numbers(self) -> KeysView[int]:
        """The rows in here."""
        return self._rows.keys()

    def quiet_until(self, unix_now: float) -> float | None:
        """Until when bulk rows are held; None: they are not."""
        return None if self._quiet is None else self._quiet.ends(unix_now, self._zone)

    def takes(self, row: OutboxRow) -> bool:
        """Note a newly queued row that has a time, or may have to wait for the end of quiet hours; whether it is one.

        Those whose time has come already are due at once.
        """
        if row.claim.send_at is not None:
            self._add(row.number, row.claim.send_at, WaitReason.SEND_AT)
        elif self._quiet is not None and row.claim.priority is Priority.BULK:
            self._add(row.number, self._quiet_until or 0.0, WaitReason.QUIET_HOURS)
        else:
            return False
        return True

    def discard(self, number: int) -> None:
        """Forget a row, if it is in here."""
        self._rows.pop(number, None)

    def wait(self, number: int) -> tuple[float, WaitReason]:
        """When a row is due, and what it waits for."""
        return self._rows[number]

    def wait_of(self, claim: Claim, unix_now: float) -> tuple[float, WaitReason] | None:
        """The same of a command that is claimed now; None: it need not wait here."""
        if claim.send_at is not None and claim.send_at > unix_now:
            return claim.send_at, WaitReason.SEND_AT
        quiet = self.quiet_until(unix_now) if claim.priority is Priority.BULK else None
        return None if quiet is None else (quiet, WaitReason.QUIET_HOURS)

    def begin_quiet(self, queued: Iterable[OutboxRow], unix_now: float) -> list[OutboxRow]:
        """Take the bulk rows of the queue where quiet hours have begun; returns them."""
        before, self._quiet_until = self._quiet_until, self.quiet_until(unix_now)
        if before is not None or self._quiet_until is None:
            return []
        held = [row for row in queued if row.claim.priority is Priority.BULK and row.number not in self._rows]
        for row in held:
            self._add(row.number, self._quiet_until, WaitReason.QUIET_HOURS)
        return held

    def due(self, queued: dict[int, OutboxRow], unix_now: float) -> list[OutboxRow]:
        """Remove and return the rows that are due, the earliest first; after `begin_quiet`, which holds the others."""
        found = []
        while (at := self.next_due()) is not None and at <= unix_now:
            _, number = heappop(self._heap)
            row = queued[number]
            if self._quiet_until is not None and row.claim.priority is Priority.BULK:
                self._add(number, self._quiet_until, WaitReason.QUIET_HOURS)
            else:
                del self._rows[number]
                found.append(row)
        return found

    def next_due(self) -> float | None:
        """When the next row is due."""
        while self._heap and self._rows.get(self._heap[0][1], (None,))[0] != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _add(self, number: int, at: float, reason: WaitReason) -> None:
        self._rows[number] = at, reason
        heappush(self._heap, (at, number))
