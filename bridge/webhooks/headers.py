"""The headers of a post to a webhook. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.messages import Stream
from bridge.contract.signature import SIGNATURE_HEADER, signature

#: The session of a delivery.
SESSION_HEADER = "X-WA-Session"


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One item for one webhook. The parts identify it permanently, so a receiver recognises a repeated post."""

    webhook_id: str
    session: str
    stream: Stream
    epoch: str
    seq: int
    #: An example that a person asked for, not an item of the stream.
    is_test: bool = False

    @property
    def id(self) -> str:
        """The same at each attempt."""
        return f"{self.webhook_id}.{self.epoch}.{self.stream}.{self.seq}"

    def headers(self, body: bytes, *, attempt: int, secret: str | None) -> dict[str, str]:
        """The headers of one attempt; with a secret, signed."""
        headers = {
            "Content-Type": "application/json",
            "X-WA-Delivery": self.id,
            "X-WA-Attempt": str(attempt),
            SESSION_HEADER: self.session,
            "X-WA-Stream": self.stream,
            "X-WA-Epoch": self.epoch,
            "X-WA-Seq": str(self.seq),
        }
        if self.is_test:
            headers["X-WA-Test"] = "true"
        return headers if secret is None else {**headers, SIGNATURE_HEADER: signature(secret, body)}
