"""`/v1/sessions/{session}/sends`: send commands and their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from bridge.contract.commands import CancelCommand, SendCommand, checked, parse_json
from bridge.contract.errors import Cancelled, Conflict, InvalidRequest, MessageNotFound
from bridge.contract.kinds.media_content import MediaContent
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Result, ResultStatus
from bridge.contract.payload import Instant, instant
from bridge.contract.waiting import Waiting
from bridge.core.results import result_of
from bridge.core.session_entry import SessionEntry
from bridge.http.context import AppContext, outbox_of, running
from bridge.http.dependencies import ContextOf, needs
from bridge.http.errors import NotFound, ReportedError, problem
from bridge.http.submission import LONGEST_WAIT, settle
from bridge.http.v1.documents import body_of, problems
from bridge.ports import OutboxRow, Scope

router = APIRouter(tags=["sends"])
_UNKNOWN = "No send of this session has this id."


class Send(Result):
    """A result with the state of the message: `device` and `read` are receipts after `sent`."""

    state: SendState = Field(examples=["read"])
    doubt: str | None = Field(default=None, description="while the state is `unknown`: the reason")
    doubt_code: str | None = Field(default=None, examples=["connection_lost"], description="the reason as a code")


@router.post(
    "/sessions/{session}/sends",
    dependencies=[needs(Scope.SEND)],
    response_class=Response,
    responses={
        **problems(409, 410, 422, 501),
        200: {"description": "Final: sent, or unknown (it may have been sent; it is not repeated)", "model": Result},
        202: {"description": "Accepted: stored, sent as soon as possible", "model": Result},
    },
    openapi_extra=body_of(
        SendCommand,
        text={"to": "5491155500001", "message": "Hola"},
        urgent={"id": "order-17", "to": "+54 9 11 5550-0001", "message": "Your code is 123", "ttl": 60},
        later={
            "id": "visit-42",
            "to": "5491155500001",
            "message": "We come tomorrow at 9.",
            "send_at": "2027-01-31T09:00:00-03:00",
        },
    ),
)
async def send(
    session: str,
    request: Request,
    context: ContextOf,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for WhatsApp")] = 0,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=128, description="the command's id, where the body has none")
    ] = None,
) -> Response:
    """Send a text. The same id with the same content returns the same result and never sends twice."""
    entry = context.entry(session)
    command = parse_json(SendCommand, await request.body())
    if idempotency_key is not None:
        if command.id not in (None, idempotency_key):
            raise InvalidRequest("Idempotency-Key and id are both given and differ.")
        command = command.model_copy(update={"id": idempotency_key})
    result = await settle(context, entry, command, wait)
    location = {"Location": f"/v1/sessions/{session}/sends/{result.id}"} if _fits_a_path(result.id) else {}
    if result.error is not None:
        return problem(ReportedError(result.error), result=result.model_dump(mode="json"))
    status = 202 if result.status is ResultStatus.ACCEPTED else 200
    return Response(result.to_json(), status, location, media_type="application/json")


class Sent(Send):
    """A send as its list shows it. `number` orders; `message` is the text, or one line that stands for the content."""

    number: int
    message: str
    content: dict[str, Any] = Field(description="the command's content field", examples=[{"message": "Hola"}])
    file: str | None = Field(default=None, description="a link to the file that it sends, if the bridge has it; a week")
    claimed_at: Instant
    expires_at: Instant | None
    send_at: Instant | None = Field(description="time before which it is not sent, as the command asked")


class SendPage(BaseModel):
    """Sends, newest first; for the next page give the last number as `before`."""

    sends: list[Sent]


#: Filters of the list.
SELECTIONS: dict[str, frozenset[SendState]] = {
    "open": frozenset({SendState.ACCEPTED, SendState.SENDING}),
    "failed": frozenset({SendState.FAILED}),
    "unknown": frozenset({SendState.UNKNOWN}),
    "sent": frozenset({SendState.SENT, SendState.DEVICE, SendState.READ, SendState.PLAYED}),
}


@router.get(
    "/sessions/{session}/sends",
    dependencies=[needs(Scope.SEND)],
    response_class=Response,
    responses={200: {"description": "A page", "model": SendPage}},
)
async def list_sends(
    session: str,
    context: ContextOf,
    only: Annotated[Literal["open", "failed", "unknown", "sent"] | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The outbox: requested sends and their results."""
    states = None if only is None else SELECTIONS[only]
    entry = context.entry(session)
    rows = await outbox_of(entry).recent(before, limit, states)
    waits = _waiting(entry, rows)
    page = SendPage(sends=[_listed(session, row, waits.get(row.number), _link(context, session, row)) for row in rows])
    return Response(page.model_dump_json(), media_type="application/json")


def _link(context: AppContext, session: str, row: OutboxRow) -> str | None:
    content = row.claim.content
    if not isinstance(content, MediaContent) or content.sha256 is None:
        return None
    return context.media.links.link(content.sha256, session, context.clock.now())


def _listed(session: str, row: OutboxRow, waits: Waiting | None, file: str | None) -> Sent:
    claim, fields = row.claim, result_of(session, row, waits).model_dump()
    return Sent(
        **fields,
        state=row.state,
        **_doubt(row),
        number=row.number,
        message=claim.content.summary,
        content=claim.content.as_field(),
        file=file,
        claimed_at=instant(claim.claimed_at),
        expires_at=None if claim.expires_at is None else instant(claim.expires_at),
        send_at=None if claim.send_at is None else instant(claim.send_at),
    )


@router.get(
    "/sessions/{session}/sends/{id}",
    dependencies=[needs(Scope.SEND)],
    response_class=Response,
    responses={200: {"description": "Its state", "model": Send}},
)
async def read_send(
    session: str, command_id: Annotated[str, Path(alias="id", max_length=128)], context: ContextOf
) -> Response:
    """The result of a send. Ids are kept for 30 days after the last change."""
    entry = context.entry(session)
    return await _shown(session, entry, command_id)


@router.delete(
    "/sessions/{session}/sends/{id}",
    dependencies=[needs(Scope.SEND)],
    response_class=Response,
    responses={**problems(409), 200: {"description": "Cancelled: it is not sent", "model": Send}},
)
async def cancel_send(
    session: str, command_id: Annotated[str, Path(alias="id", max_length=128)], context: ContextOf
) -> Response:
    """Take back a send that has not left. 409 with its `result` if it is being sent, was sent, or failed before."""
    entry = context.entry(session)
    try:
        result = await running(entry).outbound.cancel(checked(CancelCommand, {"cancel": command_id}))
    except MessageNotFound as error:
        raise NotFound(_UNKNOWN) from error
    if result.error is not None and result.error.code == Cancelled.code:
        return await _shown(session, entry, command_id)
    late = "being sent" if result.status is ResultStatus.ACCEPTED else str(result.status)
    return problem(Conflict(f"It is too late to cancel it: it is {late}."), result=result.model_dump(mode="json"))


async def _shown(session: str, entry: SessionEntry, command_id: str) -> Response:
    row = await outbox_of(entry).get(command_id)
    if row is None:
        raise NotFound(_UNKNOWN)
    waits = _waiting(entry, [row]).get(row.number)
    fields: dict[str, Any] = result_of(session, row, waits).model_dump()
    return Response(Send(**fields, state=row.state, **_doubt(row)).to_json(), media_type="application/json")


def _waiting(entry: SessionEntry, rows: Sequence[OutboxRow]) -> dict[int, Waiting]:
    return entry.session.outbound.waiting(rows) if entry.session else {}


def _doubt(row: OutboxRow) -> dict[str, str | None]:
    if row.state is not SendState.UNKNOWN:
        return {}
    return {"doubt": row.error_text, "doubt_code": row.error_detail}


def _fits_a_path(command_id: str) -> bool:
    return command_id.isascii() and command_id.replace("-", "").replace("_", "").isalnum()
