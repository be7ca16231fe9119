"""Turns deliveries on the command topics into claims; each is acknowledged only after its effect is durable.

Every delivery is processed and acknowledged, however malformed: bad input is answered with a `failed` result, blocks
nothing and raises nothing. Only when the store cannot write, a delivery stays unacknowledged and is redelivered.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Callable

from bridge.broker import BrokerConnection, Delivery
from bridge.contract.commands import CancelCommand, parse_json, parse_out, parse_text
from bridge.contract.controls import ControlCommand, ControlResult, ControlStatus
from bridge.contract.errors import CodedError, InternalError, InvalidRequest, RetainedCommand
from bridge.contract.payload import instant
from bridge.contract.replays import ReplayRequest
from bridge.contract.requests import Typing
from bridge.contract.topics import Leaf, SessionTopic, Topics, is_level
from bridge.core.results import Rejection, error_info
from bridge.core.session import Session
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.partial_command import PartialCommand, reply_to
from bridge.mqtt.replay import Replayer
from bridge.mqtt.requests import RequestIntake
from bridge.ports import (
    Clock,
    CommandOrigin,
    EmptyCommand,
    Event,
    KeyValueStore,
    NewNotice,
    Outbox,
    ReplyTo,
    StoreUnusable,
)

_log = logging.getLogger(__name__)
_CONNECTION = "mqtt_connection"
#: Deliveries being claimed at once; they share commits, and the order of claims is the order of arrival.
CONCURRENT = 200


class CommandIntake:
    """Processes the deliveries of one connection."""

    def __init__(
        self,
        *,
        session: Session,
        outbox: Outbox,
        memory: KeyValueStore,
        topics: Topics,
        clock: Clock,
        replayer: Replayer,
        connection: BrokerConnection,
        background: asyncio.TaskGroup,
        limits: MqttLimits,
        observe: Callable[[Event], None],
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._topics = topics
        self._clock = clock
        self._replayer = replayer
        self._connection = connection
        self._memory = memory
        self._observe = observe
        self._number: int | None = None
        self._brought_something = False
        self._background = background  # outlives the connection: a reconnect does not cancel a control action
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._requests = RequestIntake(session, outbox, topics, connection, background, limits)

    async def run(self) -> None:
        """Process deliveries until the connection ends. Raises BrokerDown, and what the store raises."""
        async with asyncio.TaskGroup() as tasks:
            async for delivery in self._connection.deliveries():
                await self._count(delivery)
                await self._slots.acquire()
                tasks.create_task(self._process(delivery), name=f"command {self._session.name}")

    async def _count(self, delivery: Delivery) -> None:
        """Number this connection. Only new deliveries increment the number: however often connections break while the
        broker redelivers, the last claims stay within the range of the store's rule for redeliveries."""
        if delivery.qos and not delivery.dup and not self._brought_something:
            self._brought_something = True
            self._number = await self._memory.next_number(_CONNECTION)
        elif self._number is None:
            self._number = await self._memory.number(_CONNECTION)

    async def _process(self, delivery: Delivery) -> None:
        topic = self._topics.parse(delivery.topic)
        try:
            if topic is None or topic.session != self._session.name:
                _log.debug("%s: ignored %s", self._session.name, delivery.topic)
            else:
                await self._answer(topic, delivery)
            self._connection.acknowledge(delivery)
        finally:
            self._slots.release()

    async def _answer(self, topic: SessionTopic, delivery: Delivery) -> None:
        try:
            await self._dispatch(topic, delivery)
        except StoreUnusable:
            raise
        except Exception:  # noqa: BLE001 - without a PUBACK it would be redelivered and end every connection
            _log.exception("%s: internal error while processing a delivery on %s", self._session.name, delivery.topic)
            error, sha256 = InternalError(), hashlib.sha256(delivery.payload).hexdigest()
            await self._session.outbound.reject(error, self._rejection(topic, delivery, sha256, error))

    async def _dispatch(self, topic: SessionTopic, delivery: Delivery) -> None:
        if not delivery.payload:
            self._observe(EmptyCommand(topic.leaf))
            return
        if delivery.retain:
            sha256, error = hashlib.sha256(delivery.payload).hexdigest(), RetainedCommand()
            await self._session.outbound.reject(error, self._rejection(topic, delivery, sha256, error))
            return
        match topic.leaf:
            case Leaf.OUT:
                await self._send(topic, delivery)
            case Leaf.REPLAY:
                await self._replay(delivery)
            case Leaf.CONTROL:
                await self._control(delivery)
            case Leaf.REQUEST:
                await self._requests.take(delivery, self._origin(delivery))
            case Leaf.TYPING:
                await self._typing(delivery)
            case _:  # a topic without a subscription
                _log.debug("%s: ignored %s", self._session.name, delivery.topic)

    async def _send(self, topic: SessionTopic, delivery: Delivery) -> None:
        sha256 = hashlib.sha256(delivery.payload).hexdigest()
        try:
            command = parse_out(delivery.payload) if topic.tail is None else parse_text(topic.tail, delivery.payload)
            reply_to = self._reply_to(command.reply_topic, delivery)
            if isinstance(command, CancelCommand):
                await self._session.outbound.cancel(command, reply_to=reply_to)
                return
            await self._session.outbound.submit(command, origin=self._origin(delivery), reply_to=reply_to)
        except CodedError as error:
            if isinstance(error, StoreUnusable):
                raise
            await self._session.outbound.reject(error, self._rejection(topic, delivery, sha256, error))

    def _rejection(self, topic: SessionTopic, delivery: Delivery, sha256: str, error: CodedError) -> Rejection:
        hints = PartialCommand.of(delivery.payload) if topic.tail is None else PartialCommand()
        try:
            reply_to = self._reply_to(hints.reply_topic, delivery)
        except InvalidRequest:
            reply_to = None
        once = f"retained:{delivery.topic}:{sha256}" if isinstance(error, RetainedCommand) else None
        return Rejection(delivery.topic, sha256, hints.command_id, reply_to, hints.transaction, once)

    def _reply_to(self, field: str | None, delivery: Delivery) -> ReplyTo | None:
        return reply_to(self._topics, self._session.name, field, delivery)

    def _origin(self, delivery: Delivery) -> CommandOrigin:
        sha256 = hashlib.sha256(delivery.payload).hexdigest()
        return CommandOrigin(delivery.topic, sha256, delivery.packet_id, delivery.dup, self._number or 0)

    async def _replay(self, delivery: Delivery) -> None:
        try:
            request = parse_json(ReplayRequest, delivery.payload)
        except CodedError as error:
            hints = PartialCommand.of(delivery.payload)
            if hints.request is not None and hints.reader is not None and is_level(hints.reader):
                self._replayer.refuse(hints.reader, hints.request, error)
                return
            # without a valid reader there is no replay topic, so the answer is a refusal on the result topic
            await self._refuse(delivery, error, hints.request)
            return
        self._replayer.ask(request)

    async def _control(self, delivery: Delivery) -> None:
        try:
            command = parse_json(ControlCommand, delivery.payload)
        except CodedError as error:
            await self._refuse(delivery, error, PartialCommand.of(delivery.payload).command_id)
            return
        command_id = command.id or uuid.uuid4().hex
        traced = {"session": self._session.name, "trace": command_id}
        _log.info("%s: %s requested over MQTT", self._session.name, command.action, extra=traced)
        await self._publish_control_result(command, command_id, ControlStatus.ACCEPTED)
        self._background.create_task(
            self._act(command, command_id), name=f"control {self._session.name} {command.action}"
        )

    async def _typing(self, delivery: Delivery) -> None:
        try:
            request = parse_json(Typing, delivery.payload)
        except CodedError as error:
            await self._refuse(delivery, error)
            return
        # worth nothing later: what cannot be shown now is dropped without an answer
        self._background.create_task(self._session.requests.respond(request), name=f"typing {self._session.name}")

    async def _refuse(self, delivery: Delivery, error: CodedError, command_id: str | None = None) -> None:
        sha256 = hashlib.sha256(delivery.payload).hexdigest()
        await self._session.outbound.reject(error, Rejection(delivery.topic, sha256, command_id))

    async def _act(self, command: ControlCommand, command_id: str) -> None:
        try:
            await self._session.carry_out(command)
        except CodedError as error:
            await self._publish_control_result(command, command_id, ControlStatus.FAILED, error)
        except Exception:  # noqa: BLE001 - the admin gets an answer in any case
            _log.exception("%s: %s failed", self._session.name, command.action)
            await self._publish_control_result(command, command_id, ControlStatus.FAILED, InternalError())
        else:
            await self._publish_control_result(command, command_id, ControlStatus.DONE)

    async def _publish_control_result(
        self, command: ControlCommand, command_id: str, status: ControlStatus, error: CodedError | None = None
    ) -> None:
        result = ControlResult(
            session=self._session.name,
            id=command_id,
            action=command.action,
            status=status,
            error=error_info(error) if error else None,
            at=instant(self._clock.now()),
        )
        await self._outbox.notify(NewNotice(Leaf.RESULT, result.to_json()))
