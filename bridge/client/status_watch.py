"""Watches a session: its status as a reader should interpret it, its QR code, and the results of a control action."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime

from pydantic import ValidationError

from bridge.broker import BrokerDown, Delivery
from bridge.client.answers import AnswerStream, ReceivedAnswer
from bridge.client.connection import SharedConnection, Subscription
from bridge.client.errors import NoAnswer
from bridge.client.heartbeat import Heartbeat, heartbeat_after
from bridge.contract.bot import BotSwitch
from bridge.contract.commands import parse_json
from bridge.contract.controls import ControlCommand, ControlResult, ControlStatus
from bridge.contract.errors import CodedError
from bridge.contract.messages import Qr, Stream
from bridge.contract.passkey import Passkey
from bridge.contract.replays import Cursor
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Leaf, Topics

_log = logging.getLogger(__name__)
#: Logged in: no QR code will follow.
PAIRED = frozenset({SessionState.AUTHENTICATED, SessionState.CONNECTED})


async def watch_statuses(
    connection: SharedConnection, topics: Topics, session: str | None
) -> AsyncGenerator[SessionStatus, None]:
    """Each status of one session (None: of all); one without a heartbeat is yielded again as offline."""
    clock = asyncio.get_running_loop().time
    latest: dict[str, Heartbeat] = {}
    alive: dict[str, float] = {}  # when each session that is yielded as alive falls silent
    async with connection.attached(Subscription(topics.status(session or "+"))) as inbox:
        while True:
            match await inbox.get(until=min(alive.values(), default=None)):
                case None:
                    for name in [name for name, until in alive.items() if until <= clock()]:
                        del alive[name]
                        yield latest[name].seen_at(clock())
                case Delivery(topic=topic, payload=payload) as delivery if payload and topics.parse(topic):
                    if (known := _heartbeat(delivery, latest)) is None:
                        continue
                    latest[known.status.session] = known
                    if known.written is not None:
                        # rounded up: at this moment it is silent, not about to be
                        alive[known.status.session] = known.written + known.status.stale_after + 0.001
                    yield known.seen_at(clock())
                case _:
                    pass


async def newest_cursor(connection: SharedConnection, topics: Topics, session: str, stream: Stream) -> Cursor:
    """The position of a stream in the first status that has one."""
    async with aclosing(watch_statuses(connection, topics, session)) as statuses:
        async for status in statuses:
            if status.epoch is not None:
                newest = status.last_seq if stream is Stream.IN else status.last_event_seq
                return Cursor(epoch=status.epoch, seq=newest)
    raise AssertionError("statuses have no end")


_SHOWN: dict[Leaf, type[Qr | Passkey]] = {Leaf.QR: Qr, Leaf.PASSKEY: Passkey}


def _heartbeat(delivery: Delivery, latest: Mapping[str, Heartbeat]) -> Heartbeat | None:
    try:
        status = SessionStatus.model_validate_json(delivery.payload)
    except ValidationError:
        return None
    return heartbeat_after(
        latest.get(status.session),
        status,
        retained=delivery.retain,
        moment=asyncio.get_running_loop().time(),
        now=datetime.now(UTC),
    )


async def current_qr(connection: SharedConnection, topics: Topics, session: str) -> Qr | None:
    """The QR code that the broker retains; None when it delivers none within a second."""
    until = asyncio.get_running_loop().time() + 1.0
    async with connection.attached(Subscription(topics.qr(session))) as inbox:
        while (delivery := await inbox.get(until=until)) is not None:
            if payload := getattr(delivery, "payload", b""):
                return Qr.model_validate_json(payload)
    return None


async def watch_pairing(
    connection: SharedConnection, topics: Topics, session: str
) -> AsyncGenerator[Qr | Passkey | SessionStatus, None]:
    """Each new QR code, passkey request and state change; ends with the status that reports the login."""
    shown: dict[Leaf, Qr | Passkey | None] = {}
    state: tuple[object, object] | None = None
    latest: dict[str, Heartbeat] = {}
    watched = (topics.qr(session), topics.passkey(session), topics.status(session))
    async with connection.attached(Subscription(*watched)) as inbox:
        while True:
            delivery = await inbox.get()
            topic = topics.parse(delivery.topic) if isinstance(delivery, Delivery) else None
            if not isinstance(delivery, Delivery) or topic is None:
                continue
            try:
                if model := _SHOWN.get(topic.leaf):
                    step = model.model_validate_json(delivery.payload) if delivery.payload else None
                    before, shown[topic.leaf] = shown.get(topic.leaf), step
                    if step is not None and step != before:
                        yield step
                    continue
            except ValidationError:
                continue
            if (known := _heartbeat(delivery, latest)) is None:
                continue
            latest[session] = known
            status = known.seen_at(asyncio.get_running_loop().time())
            if (status.state, status.reason) != state:
                state = status.state, status.reason
                yield status
            if status.state in PAIRED:
                return


async def watch_bot_switches(
    connection: SharedConnection, topics: Topics
) -> AsyncGenerator[tuple[int, BotSwitch], None]:
    """Each request to switch a client's automatic answers. An invalid one is logged and ignored."""
    async with connection.attached(Subscription(topics.bot_switch())) as inbox:
        while True:
            delivery = await inbox.get()
            if not isinstance(delivery, Delivery) or delivery.retain:  # a retained request is out of date
                continue
            cliente_id = topics.switched_client(delivery.topic)
            try:
                switch = parse_json(BotSwitch, delivery.payload)
            except CodedError as error:
                _log.warning("%s: %s", delivery.topic, error.text)
                continue
            if cliente_id is not None:
                yield cliente_id, switch


async def control(
    connection: SharedConnection,
    topics: Topics,
    *,
    session: str,
    command: ControlCommand,
    answers: AnswerStream,
    timeout: float,
) -> AsyncGenerator[ControlResult, None]:
    """Request an action once, and yield its results up to the last. Never repeated: that could restart twice.

    Raises BrokerDown when it could not be published, NoAnswer when the bridge does not answer in time.
    """
    until = asyncio.get_running_loop().time() + timeout
    with answers.waiting_for(command.id or "") as inbox:
        if not connection.is_connected:
            raise BrokerDown("There is no connection to the broker at the moment; nothing was requested.")
        await connection.publish(topics.control(session), command.model_dump_json(exclude_defaults=True))
        while (received := await inbox.get(until=until)) is not None:
            if isinstance(received, ReceivedAnswer) and isinstance(answer := received.answer, ControlResult):
                yield answer
                if answer.status is not ControlStatus.ACCEPTED:
                    return
    raise NoAnswer(
        f"The bridge of {session} has not finished {command.action} within {timeout:g} s.",
        session=session,
        id=command.id or "",
    )
