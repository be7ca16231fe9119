"""What is said of a session that cannot run, for as long as it cannot: on its status topic, and of its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.broker import BrokerConnection, keep_connected
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import HEARTBEAT, SessionStatus
from bridge.mqtt import MqttOptions
from bridge.ports import Clock

#: Seconds that a farewell may take.
FAREWELL = 2.0


async def announce(
    situation: Situation,
    since: float,
    session: str,
    door: MqttOptions,
    clock: Clock,
    stopping: asyncio.Event,
    seconds: float,
) -> None:
    """Say what is wrong for so many seconds, by a client that takes no commands; a stop ends it with a farewell."""
    options = door.of_session(session, clock)

    async def say(connection: BrokerConnection, said: Situation, since: float) -> None:
        status = SessionStatus(
            session=session,
            state=said.state,
            reason=said.reason,
            text=said.text,
            since=instant(since),
            at=instant(clock.now()),
            owner=door.owner,
        )
        await connection.publish(door.topics.status(session), status.to_json(), retain=True)

    async def speak(connection: BrokerConnection) -> None:
        while not stopping.is_set():
            await say(connection, situation, since)
            await _happens(stopping, HEARTBEAT)
        await say(connection, Situation(SessionState.OFFLINE, Reason.SHUT_DOWN), clock.now())

    speaking = asyncio.create_task(
        keep_connected(replace(options, client_id=f"{options.client_id}-error", clean=True), speak),
        name=f"announce {session}",
    )
    try:
        if await _happens(stopping, seconds):
            await asyncio.wait([speaking], timeout=FAREWELL)
    finally:
        speaking.cancel()
        await asyncio.wait([speaking])


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happens within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()
