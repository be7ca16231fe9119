"""Mirrors each client's switch to its retained topic, and carries out what is wished there. The table decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress

from bridge.client import BrokerDown, BrokerRefused, Client
from bridge.contract.bot import BotConfig
from bridge.contract.payload import instant
from responder.errors import DatabaseDown
from responder.faults import FaultLog
from responder.store.switches import Switches

_log = logging.getLogger(__name__)
#: Seconds between two looks at the table, which others may change: the legacy responder, another replica.
LOOK = 5.0


class SwitchPublisher:
    """`run` is its life; `look` makes it look now. `default` is the client that is shown without a row of its own."""

    def __init__(
        self, client: Client, switches: Switches, default: int, faults: FaultLog, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._switches = switches
        self._default = default
        self._faults = faults
        self._now = now
        self._shown: dict[int, int] = {}
        self._news = asyncio.Event()

    def look(self) -> None:
        """Something was switched here."""
        self._news.set()

    async def run(self) -> None:
        """Mirror until cancelled, or refused: the switch is worth nothing against the conversations, which go on."""
        try:
            await self._mirror()
        except* BrokerRefused as refused:
            self._faults.note("broker_refused", "switches", str(refused.exceptions[0]))

    async def _mirror(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._obey(), name="bot switches")
            while True:
                self._news.clear()
                with suppress(DatabaseDown, BrokerDown):
                    for cliente_id in sorted(
                        {self._default, *(one.cliente_id for one in await self._switches.clients())}
                    ):
                        await self._show(cliente_id, again=False)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self._news.wait()

    async def _obey(self) -> None:
        async with aclosing(self._client.bot_switches()) as wishes:
            async for cliente_id, wish in wishes:
                try:
                    await self._switches.set_client(cliente_id, bool(wish.bot_activo))
                    await self._show(cliente_id, again=True)  # whoever wished it waits to hear that it is so
                except (DatabaseDown, BrokerDown) as error:
                    _log.warning("The switch of client %d was not set: %s", cliente_id, error.text)

    async def _show(self, cliente_id: int, *, again: bool) -> None:
        switch = await self._switches.client(cliente_id)
        if again or self._shown.get(cliente_id) != int(switch.active):
            updated = instant(switch.updated_at if switch.updated_at is not None else self._now())
            await self._client.retain_bot_config(
                BotConfig(cliente_id=cliente_id, bot_activo=1 if switch.active else 0, updated_at=updated)
            )
            self._shown[cliente_id] = int(switch.active)
