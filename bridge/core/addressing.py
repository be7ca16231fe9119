"""The recipient of a command that names another command in place of one."""

from __future__ import annotations

from bridge.contract.commands import SendCommand
from bridge.contract.errors import MessageNotFound
from bridge.ports import Outbox


class Addressing:
    """Knows the recipients of the commands in an outbox, and of those whose claim is on its way."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        #: Commands whose claim is on its way: id -> recipient.
        self.claiming: dict[str, str] = {}

    async def addressed(self, command: SendCommand) -> SendCommand:
        """The command with the recipient of the one that its content names. Raises `MessageNotFound`."""
        named = command.names_command
        if named is None:
            return command
        to = self.claiming.get(named)
        if to is None and (row := await self._outbox.get(named)) is not None:
            to = row.claim.to
        if to is None:
            raise MessageNotFound("There is no command of this id, or it was deleted by age.")
        return command.model_copy(update={"to": to})
