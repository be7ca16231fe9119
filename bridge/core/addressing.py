"""Who a command is for, and the order in which commands are claimed: for each recipient, the order of their arrival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from bridge.contract.commands import SendCommand
from bridge.contract.errors import MessageNotFound
from bridge.contract.jid import Jid
from bridge.ports import Outbox


@dataclass(frozen=True, slots=True)
class Arrival:
    """A command with its recipient. It holds `lane` for what it does before its claim."""

    command: SendCommand
    lane: asyncio.Lock


class Addressing:
    """The commands of one session on their way into the outbox, and whom they are for.

    Some take a moment before their claim, for example while their file is stored. That holds up their own chat only.
    """

    def __init__(self, outbox: Outbox, lane: Callable[[Jid], str]) -> None:
        """`lane` gives what the addresses of one recipient have in common."""
        self._outbox = outbox
        self._lane = lane
        self._entrance = asyncio.Lock()
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._arriving: dict[str, Arrival] = {}

    @asynccontextmanager
    async def arrival(self, command: SendCommand, own: str | None) -> AsyncIterator[Arrival]:
        """The command, with its place behind those that arrived before for the same recipient, until it is claimed.

        The block enters `lane` at once, and claims at once after it. `own` are the digits of the account's number.
        Raises `InvalidRequest` for a wrong recipient, `MessageNotFound` where it names an unknown command.
        """
        async with self._entrance:
            command = await self._addressed(command.sent_from(own))
            lane = self._lanes.setdefault(self._lane(command.recipient), asyncio.Lock())
        arrival = Arrival(command, lane)
        if command.id is None:  # no other can name it
            yield arrival
            return
        self._arriving[command.id] = arrival
        try:
            yield arrival
        finally:
            self._arriving.pop(command.id, None)

    async def arrived(self, command_id: str) -> None:
        """Return once a command that arrived before is in the outbox, if it gets there."""
        async with self._entrance:
            arrival = self._arriving.get(command_id)
        if arrival is None:
            return
        async with arrival.lane:
            await self._outbox.notify()  # stores nothing, and returns after the claim

    async def _addressed(self, command: SendCommand) -> SendCommand:
        """The command with the recipient of the one that its content names."""
        named = command.names_command
        if named is None:
            return command
        if (arrival := self._arriving.get(named)) is not None:
            to = str(arrival.command.recipient)
        elif (row := await self._outbox.get(named)) is not None:
            to = row.claim.to
        else:
            raise MessageNotFound("There is no command of this id, or it was deleted by age.")
        return command.model_copy(update={"to": to})
