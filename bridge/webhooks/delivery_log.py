"""The last posts to each webhook, in memory: for a person whose receiver gets nothing. No bodies, no secrets.

It begins with the process: a line on disk for each post would cost as much as the post.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bridge.contract.messages import Stream
from bridge.ports import Failure, PostAnswer
from bridge.webhooks.retry_policy import describe

#: Posts that are kept of a webhook, and for how many seconds.
POSTS, AGE = 100, 7 * 24 * 3600.0


class PostResult(StrEnum):
    """What became of a post."""

    DELIVERED = "delivered"
    RETRY = "retry"  # it is posted again
    REFUSED = "refused"  # it is a dead letter
    TEST = "test"  # an example, which a person asked for


@dataclass(frozen=True, slots=True)
class PostRecord:
    """One post. `at`: when it began, in unix seconds; `error` is a sentence, None where it was accepted."""

    at: float
    stream: Stream
    seq: int
    attempt: int
    result: PostResult
    seconds: float
    status: int | None
    failure: Failure | None
    error: str | None

    @classmethod
    def of(
        cls, answer: PostAnswer, result: PostResult, at: float, seconds: float, stream: Stream, seq: int, attempt: int
    ) -> Self:
        """The record of an answer that came after `seconds`."""
        accepted = answer.status is not None and 200 <= answer.status < 300
        error = None if accepted else describe(answer)
        return cls(at, stream, seq, attempt, result, seconds, answer.status, answer.failure, error)


class DeliveryLog:
    """The newest `POSTS` of each webhook, none older than `AGE` seconds."""

    def __init__(self) -> None:
        self._records: dict[str, deque[PostRecord]] = {}

    def add(self, webhook_id: str, record: PostRecord) -> None:
        self._records.setdefault(webhook_id, deque(maxlen=POSTS)).append(record)

    def of(self, webhook_id: str, now: float) -> list[PostRecord]:
        """The posts to a webhook, newest first."""
        records = self._records.get(webhook_id, deque())
        while records and records[0].at < now - AGE:
            records.popleft()
        return [*reversed(records)]

    def forget(self, webhook_id: str) -> None:
        """Delete the records of a webhook."""
        self._records.pop(webhook_id, None)
