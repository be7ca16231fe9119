"""How far a session is published, and what its broker refuses: written by the MQTT adapter, read by the core."""

from __future__ import annotations

from typing_extensions import override

from bridge.contract.messages import Stream
from bridge.ports import PublishProgress


class MqttProgress(PublishProgress):
    """Outlives the connections of one session."""

    def __init__(self) -> None:
        self._connected = False
        self._published = dict.fromkeys(Stream, 0)
        self._refused: dict[str, str] = {}  # sentences, by topic

    @property
    @override
    def connected(self) -> bool:
        return self._connected

    @override
    def published(self, stream: Stream) -> int:
        return self._published[stream]

    @property
    @override
    def refusal(self) -> str | None:
        return next(iter(self._refused.values()), None)

    def connection_changed(self, *, connected: bool) -> None:
        self._connected = connected
        self._refused.clear()

    def refused(self, topic: str, text: str) -> bool:
        """Note a refusal; returns whether the topic was not refused before."""
        fresh = topic not in self._refused
        self._refused[topic] = text
        return fresh

    def taken(self, topic: str) -> bool:
        """Note that the broker takes the topic; returns whether it was refused before."""
        return self._refused.pop(topic, None) is not None

    def note(self, stream: Stream, seq: int) -> None:
        self._published[stream] = seq
