"""Publishes each client's switch on its retained topic, and applies the changes requested there. The table decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

from bridge.client import BrokerDown, BrokerRefused, Client
from bridge.contract.bot import BotConfig
from bridge.contract.payload import instant
from bridge.sql.errors import DatabaseDown
from responder.faults import FaultLog
from responder.store.switches import Switches

_log = logging.getLogger(__name__)
#: Seconds between two polls of the table, which other programs change: the legacy responder, another replica.
POLL = 5.0


class SwitchPublisher:
    """`run` publishes while there is a client; `changed` makes it poll at once.

    `default` is the client that is published even without a row of its own.
    """

    def __init__(self, switches: Switches, default: int, faults: FaultLog, now: Callable[[], float]) -> None:
        self._switches = switches
        self._default = default
        self._faults = faults
        self._now = now
        self._published: dict[int, int] = {}
        self._poll_now = asyncio.Event()

    def changed(self) -> None:
        """A switch was changed in this process."""
        self._poll_now.set()

    async def run(self, client: Client) -> None:
        """Publish until cancelled. A refusal of the broker ends it with a fault: conversations matter more."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._apply_requests(client), name="bot switches")
                await self._publish_changes(client)
        except* BrokerRefused as refused:
            self._faults.note("broker_refused", "switches", str(refused.exceptions[0]))

    async def _publish_changes(self, client: Client) -> None:
        while True:
            self._poll_now.clear()
            with suppress(DatabaseDown, BrokerDown):
                known = {switch.cliente_id for switch in await self._switches.clients()}
                for cliente_id in sorted({self._default, *known}):
                    await self._publish(client, cliente_id, force=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._poll_now.wait()

    async def _apply_requests(self, client: Client) -> None:
        async with aclosing(client.bot_switches()) as requests:
            async for cliente_id, request in requests:
                try:
                    await self._switches.set_client(cliente_id, bool(request.bot_activo))
                    # also when nothing changes: the retained config confirms the request
                    await self._publish(client, cliente_id, force=True)
                except (DatabaseDown, BrokerDown) as error:
                    _log.warning("The switch of client %d was not set: %s", cliente_id, error.text)

    async def _publish(self, client: Client, cliente_id: int, *, force: bool) -> None:
        switch = await self._switches.client(cliente_id)
        if force or self._published.get(cliente_id) != int(switch.active):
            updated = instant(switch.updated_at if switch.updated_at is not None else self._now())
            await client.retain_bot_config(
                BotConfig(cliente_id=cliente_id, bot_activo=1 if switch.active else 0, updated_at=updated)
            )
            self._published[cliente_id] = int(switch.active)
