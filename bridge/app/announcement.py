"""The status of a session that cannot run, published until it is tried again or the bridge stops."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from bridge.broker import BrokerConnection, BrokerError, connect, keep_connected
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import SessionStatus
from bridge.mqtt import MqttOptions, session_client_id
from bridge.ports import Clock

_log = logging.getLogger(__name__)


async def announce(
    situation: Situation,
    since: float,
    session: str,
    mqtt: MqttOptions,
    clock: Clock,
    stopping: asyncio.Event,
    *,
    seconds: float,
    end_within: float,
) -> None:
    """Publish `situation` for `seconds`, on a connection that takes no commands; a stop publishes `offline` first."""
    options = mqtt.of_session(session, clock)

    async def publish(connection: BrokerConnection, shown: Situation, since: float) -> None:
        status = SessionStatus(
            session=session,
            state=shown.state,
            reason=shown.reason,
            text=shown.text,
            since=instant(since),
            at=instant(clock.now()),
            owner=mqtt.owner,
        )
        await connection.publish(mqtt.topics.status(session), status.to_json(), retain=True)

    async def serve(connection: BrokerConnection) -> None:
        while not stopping.is_set():
            await publish(connection, situation, since)
            await _is_set_within(stopping, mqtt.limits.heartbeat)
        await publish(connection, Situation(SessionState.OFFLINE, Reason.SHUT_DOWN), clock.now())

    publishing = asyncio.create_task(
        keep_connected(replace(options, client_id=f"{options.client_id}-error", clean=True), serve),
        name=f"announce {session}",
    )
    try:
        if await _is_set_within(stopping, seconds):
            await asyncio.wait([publishing], timeout=end_within)
    finally:
        publishing.cancel()
        await asyncio.wait([publishing])


async def clear_retained(session: str, mqtt: MqttOptions, within: float = 5.0) -> bool:
    """Clear what the broker retains of a session that has ended for good; False if it did not answer in `within` s.

    The commands that wait there stay: the connection has a client id of its own.
    """
    topics = mqtt.topics
    options = replace(mqtt.broker, client_id=f"{session_client_id(topics, session)}-removed", clean=True)
    retained = (topics.status(session), topics.qr(session), topics.passkey(session))
    try:
        async with asyncio.timeout(within), connect(options) as connection:
            for topic in retained:
                await connection.publish(topic, b"", retain=True)
    except (TimeoutError, BrokerError) as error:
        _log.warning("%s: what the broker retains of it was not cleared: %s", session, str(error) or "no answer")
        return False
    return True


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
