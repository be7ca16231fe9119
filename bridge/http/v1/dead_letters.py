"""`/v1/sessions/{session}/dead-letters`: items that webhooks refused permanently: list, post again, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.messages import Stream
from bridge.http.context import AppContext
from bridge.http.dependencies import AuditOf, ContextOf, needs
from bridge.http.errors import NotFound
from bridge.http.v1.documents import StoredInstant
from bridge.ports import DeadLetter, Failure, Scope
from bridge.webhooks.retry_policy import describe

router = APIRouter(tags=["webhooks"])
_NONE = "This session has no such dead letter."
Number = Annotated[int, Path(ge=1, le=2**53)]


class DeadLetterView(BaseModel):
    """An item that was refused. `body` is the body of the post."""

    model_config = ConfigDict(from_attributes=True)
    number: int
    listener: str = Field(validation_alias="webhook_id")
    url: str
    stream: Stream
    epoch: str
    seq: int
    attempts: int
    status: int | None
    error: str
    failure: Failure | None = Field(default=None, description="why the last post got no answer")
    at: StoredInstant
    body: str


class DeadLetters(BaseModel):
    """Dead letters, oldest first; for the next page give the last number as `after`."""

    letters: list[DeadLetterView]


class Repeated(BaseModel):
    """Result of posting it again. A delivered item is removed from the dead letters."""

    delivered: bool
    status: int | None
    error: str | None = None
    failure: Failure | None = None


@router.get("/sessions/{session}/dead-letters", dependencies=[needs(Scope.LISTEN)])
async def list_dead_letters(
    session: str,
    context: ContextOf,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeadLetters:
    """Items that could not be delivered."""
    context.entry(session)
    return DeadLetters(
        letters=[
            DeadLetterView.model_validate(one) for one in await context.dead_letters.dead_letters(session, after, limit)
        ]
    )


@router.post("/sessions/{session}/dead-letters/{number}/repeat", dependencies=[needs(Scope.LISTEN)])
async def repeat(session: str, number: Number, context: ContextOf, audit: AuditOf) -> Repeated:
    """Post it again, to the same URL, with the same delivery id."""
    await _find(context, session, number)
    await audit("repeat dead letter", session, str(number))
    repeated = await context.registry.redeliver(number)
    if repeated is None:  # it was removed while it waited
        raise NotFound(_NONE)
    answer, delivered = repeated
    error = None if delivered else describe(answer)
    return Repeated(delivered=delivered, status=answer.status, error=error, failure=answer.failure)


@router.delete(
    "/sessions/{session}/dead-letters/{number}",
    status_code=204,
    response_class=Response,
    dependencies=[needs(Scope.LISTEN)],
)
async def delete(session: str, number: Number, context: ContextOf, audit: AuditOf) -> Response:
    """Delete a dead letter without delivering it."""
    await _find(context, session, number)
    await context.dead_letters.remove_dead_letter(number)
    await audit("remove dead letter", session, str(number))
    return Response(status_code=204)


async def _find(context: AppContext, session: str, number: int) -> DeadLetter:
    context.entry(session)
    letter = await context.dead_letters.dead_letter(number)
    if letter is None or letter.session != session:
        raise NotFound(_NONE)
    return letter
