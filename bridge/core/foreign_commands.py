"""Commands that another owner of the session may have carried out, as a bridge in standby sees them on the broker.

A sender repeats its id until it has a result, which may be lost on the way to it. The next owner has another store and
would send the message again. So the standby notes every command with an id. It takes those without a final result over
as `unknown`, and those with one as they are: a repetition gets that result, and nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from itertools import islice

from pydantic import ValidationError

from bridge.contract.commands import SendCommand, parse_out
from bridge.contract.errors import CodedError, Conflict
from bridge.contract.kinds import Act
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result, ResultStatus
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import SessionStatus
from bridge.core.results import accepted, notice
from bridge.ports import Change, Claim, Outbox

_log = logging.getLogger(__name__)
#: Commands that are noted (17 MB, and a second to take over), and bytes of their payloads; further ones replace the
#: oldest.
MOST, MOST_BYTES = 5_000, 32_000_000
#: Claims that are stored at once: they share commits, and a session without an owner waits for all of them.
TOGETHER = 500
_STATES = {
    ResultStatus.SENT: SendState.SENT,
    ResultStatus.FAILED: SendState.FAILED,
    ResultStatus.UNKNOWN: SendState.UNKNOWN,
}


@dataclass(slots=True)
class _Noted:
    command: SendCommand
    size: int
    result: Result | None = None  # the final one


class ForeignCommands:
    """Commands with an id that may have reached another owner, and the results that it published."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._noted: dict[str, _Noted] = {}
        self._size = 0
        self._owner_gone = False

    def status(self, payload: bytes) -> None:
        """The session's status: from its will or a failed service on, no command reaches the owner."""
        try:
            status = SessionStatus.model_validate_json(payload)
        except ValidationError:
            self._owner_gone = False
        else:
            failed = status.reason in (Reason.STORE_UNUSABLE, Reason.BRIDGE_FAULT)
            self._owner_gone = failed or status.state is SessionState.OFFLINE

    def command(self, payload: bytes) -> None:
        """A command on `out`. One without an id is never repeated by its sender."""
        if self._owner_gone:
            return
        try:
            command = parse_out(payload)
        except CodedError:
            return
        if not isinstance(command, SendCommand) or command.id is None or command.id in self._noted:
            return  # under a known id it is a repetition, or refused
        self._noted[command.id] = _Noted(command, len(payload))
        self._size += len(payload)
        while len(self._noted) > MOST or (self._size > MOST_BYTES and len(self._noted) > 1):
            self._drop(next(iter(self._noted)))

    def result(self, payload: bytes) -> None:
        """A result of the owner."""
        try:
            result = Result.model_validate_json(payload)
        except ValidationError:
            return
        noted = self._noted.get(result.id)
        if noted is None or (result.error is not None and result.error.code == Conflict.code):
            return  # a conflict is about another command that came with the id of this one
        if result.sha256 is not None:  # an input that was refused was not claimed
            self._drop(result.id)
            return
        if result.to is not None:  # in its normal form: here, the country of a local number may not be known
            noted.command = noted.command.model_copy(update={"to": result.to})
        if result.is_final:
            noted.result = result

    def clear(self) -> None:
        """Forget everything: what follows is about another owner."""
        self._noted.clear()
        self._size = 0

    async def take_over(self, outbox: Outbox, now: float, own: str | None) -> int:
        """Store what is noted in a store that does not send yet; the caller makes open commands `unknown`.

        `own`: the digits of the account's number, where it is known. Returns how many without a result are new there.
        Raises what the store raises; a command that cannot be claimed is left out.
        """
        fresh = 0
        while some := dict(islice(self._noted.items(), TOGETHER)):  # others may be noted meanwhile
            stored = await asyncio.gather(*(self._store(noted, outbox, now, own) for noted in some.values()))
            fresh += sum(stored)
            for command_id in some:
                self._drop(command_id)
        if fresh:
            _log.warning("%s: the owner before may have sent %d commands; they are unknown", self._session, fresh)
        return fresh

    async def _store(self, noted: _Noted, outbox: Outbox, now: float, own: str | None) -> bool:
        """Whether it is new here, and without a result."""
        try:
            claim = Claim.of(noted.command.sent_from(own), now)
        except CodedError as error:  # its owner could not claim it, or it names a message that only its owner knows
            _log.debug("%s: a command of the owner before is left out: %s", self._session, error.text)
            return False
        if noted.result is not None:
            await outbox.remember(claim, _outcome(noted.command, noted.result))
            return False
        return (await outbox.claim(claim, notice(accepted(self._session, claim, None), None))).fresh

    def _drop(self, command_id: str) -> None:
        if (noted := self._noted.pop(command_id, None)) is not None:
            self._size -= noted.size


def _outcome(command: SendCommand, result: Result) -> Change:
    error = result.error
    return Change(
        _STATES[result.status],
        result.at.timestamp(),
        chat=result.chat,
        message_id=result.message_id,
        error_code=error.code if error else None,
        error_text=error.text if error else None,
        error_detail=error.detail_code if error else None,
        acts_on=isinstance(command.content, Act),
    )
