"""Turns outbox rows into the payloads published about them. Pure: rows, errors and times come in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.contract.errors import ERRORS, CodedError, InternalError
from bridge.contract.lifecycle import SendState, ack_name
from bridge.contract.messages import Ack, ErrorInfo, Result, ResultStatus
from bridge.contract.payload import instant
from bridge.contract.topics import Leaf
from bridge.contract.waiting import Waiting
from bridge.ports import Change, Claim, NewNotice, OutboxRow, ReplyTo

_TRANSIENT = frozenset(code for code, error in ERRORS.items() if error.transient)
_STATUS = {
    SendState.ACCEPTED: ResultStatus.ACCEPTED,
    SendState.SENDING: ResultStatus.ACCEPTED,
    SendState.FAILED: ResultStatus.FAILED,
    SendState.UNKNOWN: ResultStatus.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """An input that is not a valid command: what could be read of it. With `once`, it is reported a single time."""

    topic: str
    sha256: str
    command_id: str | None = None
    reply_to: ReplyTo | None = None
    transaction: str | None = None
    once: str | None = None


def error_info(error: BaseException) -> ErrorInfo:
    """An error as published. One without a code is published as `internal`, without its details."""
    coded = error if isinstance(error, CodedError) else InternalError()
    return ErrorInfo(code=coded.code, text=coded.text, transient=coded.transient, detail_code=coded.detail)


def result_of(session: str, row: OutboxRow, waits: Waiting | None = None) -> Result:
    """The result for the current state of a row, and what it waits for."""
    return Result(
        session=session,
        id=row.claim.id,
        status=_status_of(row.state),
        to=row.claim.to,
        chat=row.chat,
        message_id=row.message_id,
        error=_error_of(row),
        at=instant(row.changed_at),
        waits=waits,
        transaction=row.claim.transaction,
        meta=row.claim.meta,
    )


def accepted(session: str, claim: Claim, waits: Waiting | None = None) -> Result:
    """The result of a claim that has just been stored."""
    return result_of(session, OutboxRow(0, claim, SendState.ACCEPTED, changed_at=claim.claimed_at), waits)


def conflict(session: str, claim: Claim, error: CodedError) -> Result:
    """The result of a command whose id was used with other content."""
    return Result(
        session=session,
        id=claim.id,
        status=ResultStatus.FAILED,
        to=claim.to,
        error=error_info(error),
        at=instant(claim.claimed_at),
        transaction=claim.transaction,
        meta=claim.meta,
    )


def rejected(session: str, command_id: str, rejection: Rejection, error: CodedError, now: float) -> Result:
    """The result for an input that is not a valid command."""
    return Result(
        session=session,
        id=command_id,
        status=ResultStatus.FAILED,
        error=error_info(error),
        at=instant(now),
        transaction=rejection.transaction,
        topic=rejection.topic,
        sha256=rejection.sha256,
    )


def notice(result: Result, reply_to: ReplyTo | None = None) -> NewNotice:
    """A result, ready to be stored for publication."""
    return NewNotice(Leaf.RESULT, result.to_json(), reply_to)


def ack_notice(session: str, row: OutboxRow, level: int, now: float) -> NewNotice | None:
    """The ack of a row; None for a level that is not published."""
    name = ack_name(level)
    if name is None or row.message_id is None:
        return None
    ack = Ack(session=session, id=row.claim.id, message_id=row.message_id, ack=name, at=instant(now))
    return NewNotice(Leaf.ACK, ack.to_json())


def with_notices(session: str, row: OutboxRow, change: Change, ack: NewNotice | None = None) -> Change:
    """The change with its notices: the result, if its status changes, and the ack."""
    notices = [ack] if ack else []
    if _status_of(change.state) is not _status_of(row.state):
        after = replace(
            row,
            state=change.state,
            chat=change.chat or row.chat,
            message_id=change.message_id or row.message_id,
            error_code=change.error_code,
            error_text=change.error_text,
            error_detail=change.error_detail,
            changed_at=change.at,
        )
        notices.insert(0, notice(result_of(session, after), row.claim.reply_to))
    return replace(change, notices=tuple(notices))


def _status_of(state: SendState) -> ResultStatus:
    return _STATUS.get(state, ResultStatus.SENT)


def _error_of(row: OutboxRow) -> ErrorInfo | None:
    if row.error_code is None:
        return None
    return ErrorInfo(
        code=row.error_code,
        text=row.error_text or "",
        transient=row.error_code in _TRANSIENT,
        detail_code=row.error_detail,
    )
