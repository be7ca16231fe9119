"""Whose file is prepared next: rows with a file wait for it first in their lanes, and few are prepared ahead. Pure."""

from __future__ import annotations

from heapq import heappop, heappush

from bridge.contract.kinds.media_content import MediaContent
from bridge.ports import OutboxRow

#: Rows whose file is prepared before their turn, or is being prepared.
AHEAD = 16


class FileTurns:
    """The rows whose files are not prepared, by number. A row with a file blocks its lane until the file is prepared,
    which takes no place of those that are sent."""

    def __init__(self) -> None:
        self._unprepared: set[int] = set()
        self._prepared: dict[int, int] = {}  # number -> rank; being prepared, or prepared and not sent yet
        self._resting: dict[int, float] = {}  # number -> next try, for those whose file could not be prepared
        self._first: list[tuple[int, int]] = []  # rank, number; first in their lanes

    def __contains__(self, number: int) -> bool:
        return number in self._unprepared

    def queued(self, row: OutboxRow) -> None:
        """Note a queued row, if it has a file to prepare."""
        if isinstance(row.claim.content, MediaContent) and row.number not in self._prepared:
            self._unprepared.add(row.number)

    def is_first(self, rank: int, number: int) -> None:
        """Such a row is the next one of its lane."""
        heappush(self._first, (rank, number))

    def rested(self, now: float) -> list[int]:
        """Remove and return the rows whose next try has come."""
        found = [number for number, at in self._resting.items() if at <= now]
        for number in found:
            del self._resting[number]
        return found

    def take(self) -> int | None:
        """The row whose file is to be prepared now, as long as few of them are ahead."""
        while self._first:
            rank, number = self._first[0]
            if number in self._unprepared and number not in self._resting and number not in self._prepared:
                if sum(other <= rank for other in self._prepared.values()) >= AHEAD:
                    return None
                self._prepared[number] = rank
                heappop(self._first)
                return number
            heappop(self._first)
        return None

    def prepared(self, number: int) -> None:
        """A row's file is prepared."""
        self._unprepared.discard(number)

    def rest(self, number: int, until: float) -> None:
        """A row's file could not be prepared yet."""
        self._resting[number] = until

    def tried(self, number: int) -> None:
        """A row's file is not being prepared any more."""
        self._prepared.pop(number, None)

    def next_try(self, number: int | None = None) -> float | None:
        """When the file of this row, or of any, is tried again."""
        if number is not None:
            return self._resting.get(number)
        return min(self._resting.values(), default=None)

    def forget(self, number: int) -> None:
        """A row is not sent, or settled."""
        self._unprepared.discard(number)
        self._resting.pop(number, None)
        self._prepared.pop(number, None)
