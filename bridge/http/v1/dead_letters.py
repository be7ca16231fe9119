"""`/v1/sessions/{session}/dead-letters`: what listeners refused for good, to be looked at, repeated or thrown away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from bridge.contract.messages import Stream
from bridge.contract.payload import Instant, instant
from bridge.http.context import AppContext
from bridge.http.dependencies import AuditOf, PartsOf, needs
from bridge.http.errors import NotFound
from bridge.http.v1.documents import problems
from bridge.ports import DeadLetter, Failure, Scope

router = APIRouter(tags=["listeners"])
Number = Annotated[int, Path(ge=1, le=2**53)]


class DeadLetterView(BaseModel):
    """An item that was refused. `body` is what was posted."""

    number: int
    listener: str
    url: str
    stream: Stream
    epoch: str
    seq: int
    attempts: int
    status: int | None
    error: str
    failure: Failure | None = Field(default=None, description="why the last post got no answer")
    at: Instant
    body: str


class DeadLetters(BaseModel):
    """Dead letters, oldest first; ask again with `after` = the last number."""

    letters: list[DeadLetterView]


class Repeated(BaseModel):
    """What came of posting it once more. A delivered one is a dead letter no longer."""

    delivered: bool
    status: int | None
    error: str | None = None
    failure: Failure | None = None


@router.get(
    "/sessions/{session}/dead-letters",
    response_model=DeadLetters,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def list_letters(
    session: str,
    parts: PartsOf,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Any:
    """What could not be delivered."""
    parts.place(session)
    return DeadLetters(letters=[_view(one) for one in await parts.letters.dead_letters(session, after, limit)])


@router.post(
    "/sessions/{session}/dead-letters/{number}/repeat",
    response_model=Repeated,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def repeat(session: str, number: Number, parts: PartsOf, audit: AuditOf) -> Any:
    """Post it once more, to the same URL, with the same delivery id."""
    letter = await _find(parts, session, number)
    await audit("repeat dead letter", session, str(number))
    answer = await parts.listeners.redeliver(letter)
    left = await parts.letters.dead_letter(number)
    return Repeated(
        delivered=left is None, status=answer.status, error=left.error if left else None, failure=answer.failure
    )


@router.delete(
    "/sessions/{session}/dead-letters/{number}",
    status_code=204,
    response_class=Response,
    dependencies=[needs(Scope.LISTEN)],
    responses=problems(),
)
async def throw_away(session: str, number: Number, parts: PartsOf, audit: AuditOf) -> Response:
    """Forget it."""
    await _find(parts, session, number)
    await parts.letters.remove_dead_letter(number)
    await audit("remove dead letter", session, str(number))
    return Response(status_code=204)


async def _find(parts: AppContext, session: str, number: int) -> DeadLetter:
    parts.place(session)
    letter = await parts.letters.dead_letter(number)
    if letter is None or letter.session != session:
        raise NotFound("This session has no such dead letter.")
    return letter


def _view(letter: DeadLetter) -> DeadLetterView:
    return DeadLetterView(
        number=letter.number,
        listener=letter.webhook_id,
        url=letter.url,
        stream=letter.stream,
        epoch=letter.epoch,
        seq=letter.seq,
        attempts=letter.attempts,
        status=letter.status,
        error=letter.error,
        failure=letter.failure,
        at=instant(letter.at),
        body=letter.body,
    )
