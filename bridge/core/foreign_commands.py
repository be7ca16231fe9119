"""Commands that another owner of the session may have carried out, as a bridge in standby sees them on the broker.

A sender repeats its id until it has a result. The owner may have sent the message and died before it said so; the next
owner has another store and would send it again. So the standby notes every command with an id that has no final result
yet, and takes it over as `unknown`: a repetition gets that result, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice

from pydantic import ValidationError

from bridge.contract.commands import SendCommand, parse_out
from bridge.contract.errors import CodedError
from bridge.contract.messages import Result
from bridge.contract.session import SessionState
from bridge.contract.status import SessionStatus
from bridge.core.results import accepted, notice
from bridge.ports import Claim, Outbox

_log = logging.getLogger(__name__)
#: Commands that are noted; further ones replace the oldest.
MOST = 20_000
#: Claims that are stored at once: they share commits, and a session without an owner waits for all of them.
TOGETHER = 500


class ForeignCommands:
    """Commands without a final result that may have reached another owner."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._noted: dict[str, SendCommand] = {}
        self._owner_gone = False

    def status(self, payload: bytes) -> None:
        """The session's status: from its will on, no command reaches the owner."""
        try:
            self._owner_gone = SessionStatus.model_validate_json(payload).state is SessionState.OFFLINE
        except ValidationError:
            self._owner_gone = False

    def command(self, payload: bytes) -> None:
        """A command on `out`. One without an id is never repeated by its sender."""
        if self._owner_gone:
            return
        try:
            command = parse_out(payload)
        except CodedError:
            return
        if isinstance(command, SendCommand) and command.id is not None and command.to is not None:
            self._noted[command.id] = command
            if len(self._noted) > MOST:
                self._noted.pop(next(iter(self._noted)))

    def result(self, payload: bytes) -> None:
        """A result of the owner."""
        try:
            result = Result.model_validate_json(payload)
        except ValidationError:
            return
        if result.is_final and result.id is not None:
            self._noted.pop(result.id, None)

    def clear(self) -> None:
        """Forget everything: what follows is about another owner."""
        self._noted.clear()

    async def claim(self, outbox: Outbox, now: float) -> int:
        """Claim what is noted in a store that does not send yet; the caller makes open commands `unknown`.

        Returns how many are new there. Raises what the store raises.
        """
        fresh = 0
        while some := [Claim.of(command, now) for command in islice(self._noted.values(), TOGETHER)]:
            claimed = await asyncio.gather(
                *(outbox.claim(claim, notice(accepted(self._session, claim, None), None)) for claim in some)
            )
            fresh += sum(one.fresh for one in claimed)
            for claim in some:  # others may have been noted meanwhile
                self._noted.pop(claim.id, None)
        if fresh:
            _log.warning("%s: the owner before may have sent %d commands; they are unknown", self._session, fresh)
        return fresh
