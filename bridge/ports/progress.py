"""The port to the progress of publishing."""

from __future__ import annotations

from typing import Protocol

from bridge.contract.messages import Stream


class PublishProgress(Protocol):
    """How far a session's streams are published; for its status, its readiness and its metrics."""

    @property
    def connected(self) -> bool:
        """Whether the session has a broker."""
        ...

    def published(self, stream: Stream) -> int:
        """The newest item of a stream with a PUBACK; 0 before the first connection."""
        ...

    @property
    def refusal(self) -> str | None:
        """What the broker refuses now, as a sentence for the operator."""
        ...
