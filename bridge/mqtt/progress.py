"""How far a session is published: written by the MQTT adapter, read by the core."""

from __future__ import annotations

from typing_extensions import override

from bridge.contract.messages import Stream
from bridge.ports import PublishProgress


class MqttProgress(PublishProgress):
    """Outlives the connections of one session."""

    def __init__(self) -> None:
        self._connected = False
        self._published = dict.fromkeys(Stream, 0)

    @property
    @override
    def connected(self) -> bool:
        return self._connected

    @override
    def published(self, stream: Stream) -> int:
        return self._published[stream]

    def connection_changed(self, *, connected: bool) -> None:
        self._connected = connected

    def note(self, stream: Stream, seq: int) -> None:
        self._published[stream] = seq
