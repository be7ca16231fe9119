"""Reads one stream of a session: subscribes, feeds the merge, publishes its replay requests, yields.

The I/O around `merge`. Owns the types that the caller gets; decides nothing about order or repetition.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import ValidationError

from bridge.broker import BrokerDown, Delivery
from bridge.client.connection import Resubscribed, SharedConnection, Subscription
from bridge.client.merge import UNREADABLE, Gap, GapReason, Merge, Start
from bridge.contract.events import Event
from bridge.contract.messages import Inbound, ReplayEnd, Stream
from bridge.contract.replays import Cursor
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Leaf, Topics

_log = logging.getLogger(__name__)

OnGap = Callable[[Gap], None]


class Message(Inbound):
    """A received message. Store `cursor` once the message is processed, and pass it as `after` next time."""

    @property
    def cursor(self) -> Cursor:
        """Its position in the stream."""
        return Cursor(epoch=self.epoch, seq=self.seq)


class EventMessage(Event):
    """An item of the event stream, with its position."""

    @property
    def cursor(self) -> Cursor:
        """Its position in the stream."""
        return Cursor(epoch=self.epoch, seq=self.event_seq)


_Item = TypeVar("_Item", Message, EventMessage)


class StreamReader:
    """Reads streams over one connection. Replays arrive on `replay/<reply_name>`."""

    def __init__(self, connection: SharedConnection, topics: Topics, reply_name: str) -> None:
        self._connection = connection
        self._topics = topics
        self._reply_name = reply_name

    async def read(
        self, model: type[_Item], stream: Stream, session: str, *, after: Start, on_gap: OnGap | None, limit: int
    ) -> AsyncGenerator[_Item, None]:
        """Yield items in order, each once, without end. Raises BrokerRefused, ClientClosed."""
        clock = asyncio.get_running_loop().time
        merge: Merge[_Item] = Merge(
            session, stream, self._reply_name, after, new_id=lambda: uuid.uuid4().hex, limit=limit
        )
        topics = self._topics
        subscription = Subscription(
            topics.inbound(session) if stream is Stream.IN else topics.event(session),
            topics.status(session),
            topics.replay(session, self._reply_name),
            limit=limit,
        )
        async with self._connection.attached(subscription) as inbox:
            while True:
                while (item := merge.pop()) is not None:
                    if isinstance(item, Gap):
                        (on_gap or _log_gap)(item)
                    else:
                        yield item
                if (request := merge.request(clock())) is not None:
                    with suppress(BrokerDown):  # repeated on the next connection
                        await self._connection.publish(topics.replay(session), request.model_dump_json())
                match await inbox.get(until=merge.due):
                    case None:
                        pass
                    case Resubscribed():
                        merge.resubscribed(clock())
                    case Delivery() as delivery:
                        self._take(merge, model, stream, delivery, clock())

    def _take(self, merge: Merge[_Item], model: type[_Item], stream: Stream, delivery: Delivery, now: float) -> None:
        topic = self._topics.parse(delivery.topic)
        if not delivery.payload:  # the status of a session that was removed is cleared
            return
        try:
            fields = json.loads(delivery.payload)
        except (ValueError, RecursionError):
            fields = None
        if topic is None or not isinstance(fields, dict):
            _log.warning("%s: ignored a payload that is not a JSON object.", delivery.topic)
            return
        try:
            if topic.leaf is Leaf.STATUS:
                status = SessionStatus.model_validate(fields)
                newest = status.last_seq if stream is Stream.IN else status.last_event_seq
                merge.take_status(status.epoch, newest, now, away=status.state is SessionState.OFFLINE)
            elif fields.get("done") is True:
                merge.take_end(ReplayEnd.model_validate(fields), now)
            elif stream.counter in fields:
                item = model.model_validate(fields)
                merge.take(item.epoch, item.cursor.seq, item, now, replayed=topic.leaf is Leaf.REPLAY)
        except ValidationError as error:
            self._take_unreadable(merge, stream, fields, now, error)

    def _take_unreadable(
        self, merge: Merge[_Item], stream: Stream, fields: dict[str, Any], now: float, error: ValidationError
    ) -> None:
        _log.warning("Unsupported item in %s (newer schema?): %d errors.", stream, error.error_count())
        epoch, seq = fields.get("epoch"), fields.get(stream.counter)
        if isinstance(epoch, str) and isinstance(seq, int):
            merge.take(epoch, seq, UNREADABLE, now, replayed=False)


def _log_gap(gap: Gap) -> None:
    level = logging.INFO if gap.reason is GapReason.NEW_EPOCH else logging.WARNING
    _log.log(level, "%s/%s: gap (%s) after seq %d.", gap.session, gap.stream, gap.reason, gap.before.seq)
