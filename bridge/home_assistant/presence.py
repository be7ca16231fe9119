"""Keeps the devices of the bridge's sessions at the broker: announced, announced again at a birth, removed.

A connection of its own: a session's is persistent and would go on receiving Home Assistant's births after it is off.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from bridge.broker import BrokerConnection, BrokerError, BrokerOptions, BrokerRefused, keep_connected
from bridge.contract.session import SessionState
from bridge.contract.topics import DiscoveryTopics
from bridge.core.qr_image import qr_png
from bridge.core.session_view import SessionView
from bridge.home_assistant.discovery import Installation, device_id, device_of
from bridge.home_assistant.record import RetainedTopics

_log = logging.getLogger(__name__)
_ONLINE = b"online"


class HomeAssistantPresence:
    """`sessions` gives the views of the configured sessions at any moment; None: WA_HA is off, so all is removed.

    `interval` is the seconds between two looks at the sessions, `pause` those between Home Assistant's birth and what
    is published again: it subscribes to the entities' topics first.
    """

    def __init__(
        self,
        broker: BrokerOptions,
        topics: DiscoveryTopics,
        installation: Installation,
        sessions: Callable[[], Mapping[str, SessionView]] | None,
        record: RetainedTopics,
        *,
        stopping: asyncio.Event,
        interval: float,
        pause: float,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._installation = installation
        self._sessions = sessions
        self._record = record
        self._stopping = stopping
        self._interval = interval
        self._pause = pause
        self._published: dict[str, str | bytes] = {}  # topic -> payload, on this connection

    async def run(self) -> None:
        """Serve until `stopping` is set; where WA_HA is off, until everything is removed."""
        await keep_connected(self._broker, self._serve, on_down=self._down)

    async def _serve(self, connection: BrokerConnection) -> None:
        self._published.clear()
        if self._sessions is None:
            await self._clear(connection, self._record.topics)
            _log.info("Home Assistant: the devices are removed, since WA_HA is off")
            return
        async with asyncio.TaskGroup() as tasks:
            births = tasks.create_task(self._births(connection), name="births of Home Assistant")
            while not self._stopping.is_set():
                await self._refresh(connection, self._sessions())
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._stopping.wait()
            births.cancel()
        for name in self._sessions():  # a code that is not refreshed must not be offered for scanning
            if self._published.get(picture := self._installation.topics.qr_image(name)):
                await connection.publish(picture, b"", retain=True)

    async def _births(self, connection: BrokerConnection) -> None:
        await connection.subscribe(self._topics.birth)
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            if delivery.payload == _ONLINE and not delivery.retain:
                await asyncio.sleep(self._pause)
                self._published.clear()

    async def _refresh(self, connection: BrokerConnection, sessions: Mapping[str, SessionView]) -> None:
        wanted: dict[str, str | bytes] = {}
        kept: set[str] = set()
        for name, view in sessions.items():
            config, picture = self._topics_of(name)
            kept |= {config, picture}
            if view.situation.state is SessionState.STANDBY:  # the session's owner announces it, and clears it
                self._published.pop(config, None)
                self._published.pop(picture, None)
                self._record.remove({config, picture})
                continue
            code = view.qr.scannable if view.qr else None
            wanted[config] = json.dumps(device_of(name, self._installation), ensure_ascii=False)
            wanted[picture] = qr_png(code) if code else b""
        await self._clear(connection, self._record.topics - kept)
        self._record.add(wanted.keys())
        for topic, payload in wanted.items():
            if self._published.get(topic) != payload:
                await connection.publish(topic, payload, retain=True)
                self._published[topic] = payload

    async def _clear(self, connection: BrokerConnection, topics: frozenset[str]) -> None:
        for topic in sorted(topics):
            await connection.publish(topic, b"", retain=True)
            self._published.pop(topic, None)
        self._record.remove(topics)

    def _topics_of(self, session: str) -> tuple[str, str]:
        topics = self._installation.topics
        return self._topics.config(device_id(topics, session)), topics.qr_image(session)

    def _down(self, error: BrokerError, pause: float) -> None:
        # what the sessions' connections do not report: a broker without the rules for these topics (MQTT 5 says so)
        level = logging.WARNING if isinstance(error, BrokerRefused) else logging.DEBUG
        _log.log(level, "Home Assistant: %s Retrying in %.1f s.", error.text, pause)
