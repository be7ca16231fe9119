"""The retained topics of a session: status with heartbeat, QR code, passkey request; and the will."""

from __future__ import annotations

import asyncio

from bridge.broker import Will
from bridge.contract.payload import instant
from bridge.contract.session import REASON_TEXT, Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics
from bridge.core.session import Session
from bridge.core.session_view import PasskeyChange, QrChange, StateChange
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.publisher import SessionPublisher
from bridge.ports import Clock


def offline_status(session: str, owner: str, clock: Clock, reason: Reason) -> SessionStatus:
    """The status of a session whose bridge has stopped."""
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
    """The status that the broker publishes if the bridge disconnects unexpectedly. `at` is the time of connecting,
    since a will is fixed then."""
    return Will(topics.status(session), offline_status(session, owner, clock, Reason.BRIDGE_GONE).to_json().encode())


async def publish_status(session: Session, topics: Topics, publisher: SessionPublisher, limits: MqttLimits) -> None:
    """Publish status, QR code and passkey request now and at every change, the status at each heartbeat, too.

    Raises BrokerDown at the connection's end.
    """
    loop = asyncio.get_running_loop()
    status_topic, qr_topic, passkey_topic = (
        topics.status(session.name),
        topics.qr(session.name),
        topics.passkey(session.name),
    )

    with session.view.watch() as changes:
        # First of all: what an earlier run retained must not be offered for scanning, or answered.
        qr, passkey = session.view.qr, session.view.passkey
        await publisher.retain(qr_topic, qr.to_json() if qr else b"")
        await publisher.retain(passkey_topic, passkey.to_json() if passkey else b"")
        await publisher.retain(status_topic, session.status().to_json())
        published, heartbeat = session.status(), loop.time() + limits.heartbeat
        while True:
            try:
                async with asyncio.timeout(limits.figures):
                    change = await changes.get()
            except TimeoutError:
                status = session.status()
                due = loop.time() >= heartbeat
                if due or status.model_copy(update={"at": published.at}) != published:
                    await publisher.retain(status_topic, status.to_json())
                    published, heartbeat = status, loop.time() + limits.heartbeat
                continue
            match change:
                case QrChange(qr):
                    await publisher.retain(qr_topic, qr.to_json() if qr else b"")
                case PasskeyChange(passkey):
                    await publisher.retain(passkey_topic, passkey.to_json() if passkey else b"")
                case StateChange():
                    status = session.status(change)
                    await publisher.retain(status_topic, status.to_json())
                    published, heartbeat = status, loop.time() + limits.heartbeat
