"""Takes requests from the wire: one that changes something is claimed before its PUBACK, another one only answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress

from bridge.broker import BrokerConnection, BrokerDown, Delivery
from bridge.contract.errors import CodedError, InvalidRequest
from bridge.contract.requests import Request, parse_request
from bridge.contract.responses import Response
from bridge.contract.topics import Leaf, Topics
from bridge.core.session import Session
from bridge.mqtt.limits import MqttLimits
from bridge.mqtt.partial_command import PartialCommand, reply_to
from bridge.mqtt.relay import publications
from bridge.ports import CommandOrigin, NewNotice, Outbox, ReplyTo, RequestRow, StoreUnusable

_log = logging.getLogger(__name__)
#: Requests that only read, and refusals, of one connection; further ones wait.
CONCURRENT = 200


class RequestIntake:
    """The requests of one connection."""

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        topics: Topics,
        connection: BrokerConnection,
        background: asyncio.TaskGroup,
        limits: MqttLimits,
    ) -> None:
        self._name = session.name
        self._requests = session.requests
        self._outbox = outbox
        self._topics = topics
        self._connection = connection
        self._background = background
        self._limits = limits
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def take(self, delivery: Delivery, origin: CommandOrigin) -> None:
        """Process a delivery; on return it can be acknowledged. Raises what the store raises."""
        try:
            request = parse_request(delivery.payload)
            asker = reply_to(self._topics, self._name, request.reply_topic, delivery)
        except CodedError as error:
            await self._refuse(error, delivery)
            return
        if request.changes:
            await self._claim(request, origin, asker)
        else:
            await self._in_background(request, asker)

    async def _refuse(self, error: CodedError, delivery: Delivery) -> None:
        hints, asker = PartialCommand.of(delivery.payload), None
        with suppress(InvalidRequest):
            asker = reply_to(self._topics, self._name, hints.reply_topic, delivery)
        refusal = self._requests.refusal(
            error, request_id=hints.command_id, action=hints.action, transaction=hints.transaction
        )
        await self._in_background(refusal, asker)

    async def _claim(self, request: Request, origin: CommandOrigin, asker: ReplyTo | None) -> None:
        try:
            claimed = await self._requests.claimed.claim(request, origin=origin, reply_to=asker)
        except StoreUnusable:
            raise
        except CodedError as error:
            await self._notify(self._requests.refusal_of(request, error), asker)
            return
        row = claimed.row
        if row.response is not None:
            await self._repeat(row, asker)
        elif not claimed.fresh and row.claim.reply_to != asker:  # else the coming response reaches who asked
            self._background.create_task(self._repeat(row, asker), name=f"response {self._name} {row.claim.id}")

    async def _repeat(self, row: RequestRow, asker: ReplyTo | None) -> None:
        await self._notify(await self._requests.claimed.response(row), asker)

    async def _notify(self, response: Response, asker: ReplyTo | None) -> None:
        await self._outbox.notify(NewNotice(Leaf.RESPONSE, response.to_json(), asker))

    async def _in_background(self, answer: Request | Response, asker: ReplyTo | None) -> None:
        await self._slots.acquire()  # an answer is published after the PUBACK
        self._background.create_task(self._answer(answer, asker), name=f"request {self._name}")

    async def _answer(self, answer: Request | Response, asker: ReplyTo | None) -> None:
        """Publish a response. It is not stored: a connection that breaks meanwhile loses it, and the same request may
        be made again."""
        try:
            if isinstance(answer, Response):
                await self._publish(answer, asker)
                return
            async for response in self._responses(answer):
                await self._publish(response, asker)
        finally:
            self._slots.release()

    async def _publish(self, response: Response, asker: ReplyTo | None) -> None:
        notice = NewNotice(Leaf.RESPONSE, response.to_json(), asker)
        with suppress(BrokerDown):
            await self._connection.publish_all(publications(notice, self._name, self._topics, self._connection))

    async def _responses(self, request: Request) -> AsyncGenerator[Response, None]:
        try:
            first, then = self._limits.first_progress, self._limits.progress
            async for response in self._requests.follow(request, first=first, then=then):
                yield response
        except Exception as error:  # noqa: BLE001 - the client gets an answer in any case
            _log.exception("%s: internal error while answering a request", self._name)
            yield self._requests.refusal_of(request, error)
