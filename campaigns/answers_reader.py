"""Reads what people write: opt-outs, answers to campaigns, and when each wrote last. Its cursor moves in the same
transaction, so that a restart neither repeats nor misses a message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bridge.client import BrokerRefused, Client, Gap, Message
from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid
from bridge.contract.messages import ERASED
from bridge.contract.opt_outs import is_opt_in, is_opt_out
from bridge.sql.database import while_down
from campaigns.addresses import people_of
from campaigns.agreement import is_yes
from campaigns.store.people import Answered, Heard, HeardPeople

_log = logging.getLogger(__name__)
#: Messages that are stored in one transaction.
BATCH = 200
REFUSED_RETRY = 30.0


class AnswersReader:
    """`run` reads one session until cancelled; `answered` gets each new answer, `opted_out` is called after any
    opt-out."""

    def __init__(
        self, session: str, people: HeardPeople, answered: Callable[[Answered], None], opted_out: Callable[[], None]
    ) -> None:
        self._session = session
        self._people = people
        self._answered = answered
        self._opted_out = opted_out

    async def run(self, client: Client) -> None:
        while True:
            after = await while_down(lambda: self._people.cursor(self._session))
            try:
                async with aclosing(client.messages(self._session, after=after, on_gap=self._gap)) as messages:
                    queue: asyncio.Queue[Message] = asyncio.Queue(2 * BATCH)
                    async with asyncio.TaskGroup() as tasks:
                        storing = tasks.create_task(self._store(queue), name=f"store answers {self._session}")
                        async for message in messages:
                            await queue.put(message)
                        storing.cancel()
            except* BrokerRefused:
                _log.warning("%s: the broker does not let this user read messages.", self._session)
                await asyncio.sleep(REFUSED_RETRY)

    async def _store(self, queue: asyncio.Queue[Message]) -> None:
        while True:
            found = [await queue.get()]
            while len(found) < BATCH and not queue.empty():
                found.append(queue.get_nowait())
            heard = [one for message in found if (one := heard_in(message)) is not None]
            cursor = found[-1].cursor
            try:
                answers = await while_down(partial(self._people.record, self._session, heard, cursor))
            except SQLAlchemyError:  # one by one, to pass over only what cannot be stored
                answers = []
                for one in heard:
                    with suppress(SQLAlchemyError):
                        answers += await while_down(partial(self._people.record, self._session, [one], None))
                _log.exception("%s: a message could not be stored; it is passed over.", self._session)
                await while_down(partial(self._people.record, self._session, [], cursor))
            if any(one.opts_out for one in heard):
                self._opted_out()
            for answer in answers:
                self._answered(answer)

    def _gap(self, gap: Gap) -> None:
        missing = "an unknown number of" if gap.missing is None else str(gap.missing)
        _log.warning(
            "%s: %s messages are missing (%s); opt-outs among them are unknown.", gap.session, missing, gap.reason
        )


def heard_in(message: Message) -> Heard | None:
    """What a message of a person says; None for groups and for what is none of a person."""
    if message.type == ERASED:
        return None
    try:
        if not Jid.parse(message.chat).is_conversation or Jid.parse(message.chat).is_group:
            return None
    except CodedError:
        return None
    people = people_of((message.chat, message.from_pn, message.from_lid))
    if not people:
        return None
    return Heard(
        people=people,
        at=float(message.timestamp),
        body=message.body or f"[{message.kind or message.type}]",
        opts_out=is_opt_out(message.body),
        opts_in=is_opt_in(message.body),
        agrees=is_yes(message.body),
    )
