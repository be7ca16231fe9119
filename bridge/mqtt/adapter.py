"""A session's own MQTT connection, and the tasks that run on it after every reconnect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bridge.broker import BrokerConnection, BrokerError, BrokerOptions, keep_connected
from bridge.contract.messages import Stream
from bridge.contract.session import Reason
from bridge.contract.topics import Topics
from bridge.core.session import Session
from bridge.mqtt.commands import CommandIntake
from bridge.mqtt.relay import READER, relay_notices, relay_stream
from bridge.mqtt.replay import Replayer
from bridge.mqtt.status import offline_status, publish_status, will_of
from bridge.ports import Clock, Journal, KeyValueStore, Metrics, Outbox

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How a session connects to the broker; the adapter sets client id and will."""

    broker: BrokerOptions
    topics: Topics
    owner: str

    def of_session(self, session: str, clock: Clock) -> BrokerOptions:
        """Options of the connection that owns `session`: persistent, so commands wait while the bridge is offline."""
        prefix = self.topics.prefix.replace("/", "-")
        return replace(
            self.broker,
            client_id=f"{prefix}-bridge-{session}",
            clean=False,
            will=will_of(session, self.owner, self.topics, clock),
        )


class MqttAdapter:
    """Serves one session on MQTT until cancelled. While the broker is down, messages are delayed, not lost."""

    def __init__(
        self,
        session: Session,
        *,
        options: MqttOptions,
        journal: Journal,
        outbox: Outbox,
        memory: KeyValueStore,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._session = session
        self._options = options
        self._topics = options.topics
        self._journal = journal
        self._outbox = outbox
        self._memory = memory
        self._clock = clock
        self._metrics = metrics
        self._closing = asyncio.Event()
        self._connected = False
        self._background: asyncio.TaskGroup

    def close(self) -> None:
        """Publish `offline` and disconnect cleanly; `run` then returns."""
        self._closing.set()

    async def run(self, allowed: Callable[[], Awaitable[bool]]) -> None:
        """Connect, serve, reconnect. Raises what the store raises; returns after `close`.

        `allowed` is called before each connection, since connecting disconnects the session's current owner. False
        ends the run.
        """
        name = self._session.name
        async with asyncio.TaskGroup() as tasks:
            self._background = tasks
            serving = tasks.create_task(
                keep_connected(
                    self._options.of_session(name, self._clock), self._serve, on_down=self._down, allowed=allowed
                ),
                name=f"mqtt {name}",
            )
            closing = tasks.create_task(self._closing.wait(), name=f"mqtt close {name}")
            await asyncio.wait([serving, closing], return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
            # an open connection ends by itself when `closing` is set; an attempt to connect would not
            if not self._connected:
                serving.cancel()

    async def _serve(self, connection: BrokerConnection) -> None:
        self._connected = self._session.on_mqtt = True
        name = self._session.name
        for stream in Stream:
            self._session.published[stream] = await self._journal.cursor(READER, stream)
        _log.info("%s: MQTT connected to %s", name, connection.address.masked)
        replayer = Replayer(name, self._journal, self._topics, connection)
        intake = CommandIntake(
            session=self._session,
            outbox=self._outbox,
            memory=self._memory,
            topics=self._topics,
            clock=self._clock,
            replayer=replayer,
            connection=connection,
            background=self._background,
            metrics=self._metrics,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = {
                    "intake": intake.run(),
                    "status": self._publish_status(connection),
                    "replay": replayer.run(),
                    "results": relay_notices(self._session, self._outbox, self._topics, connection),
                    "in": relay_stream(Stream.IN, self._session, self._journal, self._topics, connection),
                    "event": relay_stream(Stream.EVENT, self._session, self._journal, self._topics, connection),
                }
                running = [tasks.create_task(part, name=f"mqtt {what} {name}") for what, part in parts.items()]
                await self._closing.wait()
                for task in running:
                    task.cancel()
            offline = offline_status(name, self._options.owner, self._clock, Reason.SHUT_DOWN)
            await connection.publish(self._topics.qr(name), b"", retain=True)
            await connection.publish(self._topics.status(name), offline.to_json(), retain=True)
        finally:
            self._connected = self._session.on_mqtt = False

    async def _publish_status(self, connection: BrokerConnection) -> None:
        # Subscribe before publishing `connected`: at the first start, earlier commands would reach no subscriber.
        # amqtt withholds the SUBACK until queued commands are acknowledged, so the intake already runs.
        await connection.subscribe(*self._topics.passing_commands(self._session.name), qos=0)
        await connection.subscribe(*self._topics.commands(self._session.name), qos=1)
        await publish_status(self._session, self._topics, connection)

    def _down(self, error: BrokerError, pause: float) -> None:
        _log.warning("%s: MQTT: %s Retrying in %.1f s.", self._session.name, error.text, pause)
