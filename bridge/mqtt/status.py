"""The retained topics of a session: status with heartbeat, QR code, and the will for a bridge that vanishes."""

from __future__ import annotations

import asyncio

from bridge.broker import BrokerConnection, Will
from bridge.contract.payload import instant
from bridge.contract.session import REASON_TEXT, Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.core.session import Session
from bridge.core.session_view import QrChange, StateChange
from bridge.mqtt.limits import MqttLimits
from bridge.ports import Clock


def gone(session: str, owner: str, clock: Clock, reason: Reason) -> SessionStatus:
    """The status of a session whose bridge does not run any more."""
    now = instant(clock.now())
    return SessionStatus(
        session=session,
        state=SessionState.OFFLINE,
        reason=reason,
        text=REASON_TEXT[reason],
        since=now,
        at=now,
        owner=owner,
    )


def will_of(session: str, owner: str, topics: Topics, clock: Clock) -> Will:
    """Published by the broker when the bridge vanishes; `at` is the moment of connecting, when a will is fixed."""
    return Will(topics.status(session), gone(session, owner, clock, Reason.BRIDGE_GONE).to_json().encode())


async def publish_status(session: Session, topics: Topics, connection: BrokerConnection, limits: MqttLimits) -> None:
    """Publish status and code now, at every change, and each heartbeat. Raises BrokerDown when the connection ends."""
    loop = asyncio.get_running_loop()
    status_topic, qr_topic = topics.status(session.name), topics.qr(session.name)

    async def show_code() -> None:
        payload = session.view.qr.to_json() if session.view.qr else b""
        await connection.publish(qr_topic, payload, retain=True)

    with session.view.watch() as changes:
        # The code of an earlier run must not be offered for scanning, so it goes before anything else.
        await show_code()
        await connection.publish(status_topic, session.status().to_json(), retain=True)
        published, heartbeat = session.status(), loop.time() + limits.heartbeat
        while True:
            try:
                async with asyncio.timeout(limits.figures):
                    change = await changes.get()
            except TimeoutError:
                status = session.status()
                due = loop.time() >= heartbeat
                if due or status.model_copy(update={"at": published.at}) != published:
                    await connection.publish(status_topic, status.to_json(), retain=True)
                    published, heartbeat = status, loop.time() + limits.heartbeat
                continue
            match change:
                case QrChange(qr):
                    await connection.publish(qr_topic, qr.to_json() if qr else b"", retain=True)
                case StateChange():
                    status = session.status(change)
                    await connection.publish(status_topic, status.to_json(), retain=True)
                    published, heartbeat = status, loop.time() + limits.heartbeat
