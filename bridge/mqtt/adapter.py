"""A session's own MQTT connection, and the tasks that run on it after every reconnect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from bridge.broker import BrokerConnection, BrokerError, keep_connected
from bridge.contract.messages import Stream
from bridge.contract.session import Reason
from bridge.core.session import Session
from bridge.mqtt.commands import CommandIntake
from bridge.mqtt.options import MqttOptions
from bridge.mqtt.progress import MqttProgress
from bridge.mqtt.publisher import SessionPublisher
from bridge.mqtt.relay import relay_notices, relay_stream
from bridge.mqtt.replay import Replayer
from bridge.mqtt.status import offline_status, publish_status
from bridge.ports import MQTT_READER, Clock, Event, Journal, KeyValueStore, Outbox

_log = logging.getLogger(__name__)


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
        progress: MqttProgress,
        observe: Callable[[Event], None] = lambda _: None,
        ahead: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._session = session
        self._options = options
        self._limits = options.limits
        self._topics = options.topics
        self._journal = journal
        self._outbox = outbox
        self._memory = memory
        self._clock = clock
        self._progress = progress
        self._observe = observe
        self._ahead = ahead
        self._closing = asyncio.Event()

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
            serving = tasks.create_task(
                keep_connected(
                    self._options.of_session(name, self._clock),
                    partial(self._serve, tasks),
                    on_down=self._down,
                    allowed=allowed,
                ),
                name=f"mqtt {name}",
            )
            closing = tasks.create_task(self._closing.wait(), name=f"mqtt close {name}")
            await asyncio.wait([serving, closing], return_when=asyncio.FIRST_COMPLETED)
            closing.cancel()
            # an open connection ends by itself when `closing` is set; an attempt to connect would not
            if not self._progress.connected:
                serving.cancel()

    async def _serve(self, background: asyncio.TaskGroup, connection: BrokerConnection) -> None:
        self._progress.connection_changed(connected=True)
        name = self._session.name
        for stream in Stream:
            self._progress.note(stream, await self._journal.cursor(MQTT_READER, stream))
        _log.info("%s: MQTT connected to %s", name, connection.address.masked)
        publisher = SessionPublisher(name, connection, self._progress, self._limits.refused)
        replayer = Replayer(name, self._journal, self._topics, publisher, self._limits)
        intake = CommandIntake(
            session=self._session,
            outbox=self._outbox,
            memory=self._memory,
            topics=self._topics,
            clock=self._clock,
            replayer=replayer,
            connection=connection,
            background=background,
            limits=self._limits,
            observe=self._observe,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = {
                    "intake": intake.run(),
                    "status": self._publish_status(publisher),
                    "replay": replayer.run(),
                    "results": relay_notices(name, self._outbox, self._topics, publisher),
                } | {
                    str(stream): relay_stream(
                        *(stream, name, self._journal, self._topics, publisher, self._progress), ahead=self._ahead
                    )
                    for stream in Stream
                }
                running = [tasks.create_task(part, name=f"mqtt {what} {name}") for what, part in parts.items()]
                await self._closing.wait()
                for task in running:
                    task.cancel()
            offline = offline_status(name, self._options.owner, self._clock, Reason.SHUT_DOWN)
            for shown in (self._topics.qr(name), self._topics.passkey(name)):
                await publisher.retain(shown, b"")
            await publisher.retain(self._topics.status(name), offline.to_json())
        finally:
            self._progress.connection_changed(connected=False)

    async def _publish_status(self, publisher: SessionPublisher) -> None:
        # Subscribe before publishing `connected`: at the first start, earlier commands would reach no subscriber.
        # amqtt withholds the SUBACK until queued commands are acknowledged, so the intake already runs.
        allowed = await self._subscribe(publisher)
        async with asyncio.TaskGroup() as tasks:
            if not allowed:
                tasks.create_task(self._subscribe_later(publisher), name=f"mqtt commands {self._session.name}")
            await publish_status(self._session, self._topics, publisher, self._limits)

    async def _subscribe_later(self, publisher: SessionPublisher) -> None:
        failures = 0
        while True:
            await asyncio.sleep(self._limits.refused.pause(failures := failures + 1))
            if await self._subscribe(publisher):
                return

    async def _subscribe(self, publisher: SessionPublisher) -> bool:
        """Whether the broker allows all commands."""
        passing = await publisher.subscribe(*self._topics.passing_commands(self._session.name), qos=0)
        return await publisher.subscribe(*self._topics.commands(self._session.name), qos=1) and passing

    def _down(self, error: BrokerError, pause: float) -> None:
        _log.warning("%s: MQTT: %s Retrying in %.1f s.", self._session.name, error.text, pause)
