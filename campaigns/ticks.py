"""Follows the ticks of a session's campaign messages: live, and from the bridge's outbox where some were missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

from bridge.client import Ack, BrokerRefused, Client, ResultStatus
from bridge.contract.errors import CodedError, InternalError
from bridge.contract.lifecycle import AckName, SendState
from bridge.sql.database import while_down
from campaigns.commands import CampaignCommand
from campaigns.store.recipients import RecipientStore

_log = logging.getLogger(__name__)
#: Ticks that are stored in one transaction.
BATCH = 100
#: Seconds before a refused subscription is tried again.
REFUSED_RETRY = 30.0
#: Seconds between two readings of the outbox: it shows what no subscriber was there for; and after one that failed.
REREAD, RETRY = 900.0, 15.0
#: Seconds for which ticks are followed: what is unread then stays so.
LOOK_BACK = 7 * 86400.0
_ACK_OF_STATE = {
    SendState.SENT: AckName.SERVER,
    SendState.DEVICE: AckName.DEVICE,
    SendState.READ: AckName.READ,
    SendState.PLAYED: AckName.PLAYED,
}
Tick = tuple[CampaignCommand, AckName, float]


class TickReader:
    """`run` follows one session until cancelled. `changed` gets the campaigns whose numbers changed."""

    def __init__(
        self,
        session: str,
        recipients: RecipientStore,
        changed: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._session = session
        self._recipients = recipients
        self._changed = changed
        self._now = now
        self._queue: asyncio.Queue[Tick] = asyncio.Queue(10_000)
        self._missed = asyncio.Event()

    async def run(self, client: Client) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(client), name=f"ticks {self._session}")
            tasks.create_task(self._store(), name=f"store ticks {self._session}")
            tasks.create_task(self._catch_up(client), name=f"missed ticks {self._session}")

    async def _follow(self, client: Client) -> None:
        while True:
            try:
                async for item in client.outcomes(self._session):
                    if item is None:
                        self._missed.set()
                    elif (command := CampaignCommand.parse(item.id)) is not None:
                        if isinstance(item, Ack):
                            await self._queue.put((command, item.ack, item.at.timestamp()))
                        elif item.status is ResultStatus.SENT:
                            await self._queue.put((command, AckName.SERVER, item.at.timestamp()))
            except BrokerRefused as error:
                _log.warning("%s: ticks cannot be read: %s", self._session, error.text)
                await asyncio.sleep(REFUSED_RETRY)

    async def _store(self) -> None:
        while True:
            found = [await self._queue.get()]
            while len(found) < BATCH and not self._queue.empty():
                found.append(self._queue.get_nowait())
            batch = tuple(found)
            for campaign_id in await while_down(partial(self._recipients.tick, batch)):
                self._changed(campaign_id)

    async def _catch_up(self, client: Client) -> None:
        while True:
            await self._missed.wait()
            self._missed.clear()
            oldest = self._now() - LOOK_BACK
            since = await while_down(partial(self._recipients.oldest_unread, self._session, oldest))
            pause = REREAD
            try:
                if since is not None:
                    async for tick in self._sent_since(client, since):
                        await self._queue.put(tick)
            except CodedError as error:
                _log.info("%s: missed ticks cannot be read yet: %s", self._session, error.text)
                pause = RETRY
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._missed.wait()
            self._missed.set()

    async def _sent_since(self, client: Client, since: float) -> AsyncIterator[Tick]:
        """The state of every campaign message that the bridge took since a moment.
        Raises what `Client.request` raises, and `InternalError` for a bridge that does not answer with a list.
        """
        # all forms of requests, a tenth of the start, for those who have sent lately
        from bridge.contract.requests.sends_list import MAX_SENDS, SendList

        before: int | None = None
        while True:
            asked = {"limit": MAX_SENDS} | ({} if before is None else {"before": before})
            answer = await client.request(self._session, "sends.list", asked)
            if answer.data is None:
                raise InternalError("The bridge did not list its commands.")
            page = SendList.model_validate(answer.data)
            for send in page.sends:
                command, ack = CampaignCommand.parse(send.id), _ACK_OF_STATE.get(send.state)
                if command is not None and ack is not None:
                    yield command, ack, send.at.timestamp()
            if page.next is None or page.sends[-1].claimed_at.timestamp() < since:
                return
            before = page.next
