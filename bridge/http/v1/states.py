"""`/v1/sessions/{session}/states`: the history of a session's states, over restarts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from bridge.contract.session import REASON_TEXT, Reason, SessionState
from bridge.http.context import states_of
from bridge.http.dependencies import ContextOf, needs
from bridge.http.v1.documents import StoredInstant
from bridge.ports import PastState

router = APIRouter(tags=["sessions"])


class PastStateView(BaseModel):
    """A state with its reason, as its status said."""

    state: SessionState
    reason: Reason = Field(description="stable code for the state's cause")
    text: str = Field(description="the sentence of the reason, without a detail: that is in the log")
    since: StoredInstant
    until: StoredInstant | None = Field(description="when the next one began; null: it lasts")


class PastStates(BaseModel):
    """States, newest first, each until the one before it in this list began."""

    states: list[PastStateView]
    next: str | None = Field(description="`after` for the next page; null = there is none")


@router.get("/sessions/{session}/states", dependencies=[needs(None)])
async def read_states(
    session: str,
    context: ContextOf,
    after: Annotated[str | None, Query(pattern=r"^[0-9]{1,15}$", description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PastStates:
    """Changes of the status's state or reason, newest first: the last 30 days, at most 5,000.

    The end of a bridge that was killed is known to 5 minutes: it may have come so much later than the history says.
    """
    states = states_of(context.entry(session))
    found = await states.newest(limit + 1, None if after is None else int(after))
    shown = found[:limit]
    return PastStates(states=[_view(one) for one in shown], next=str(shown[-1].number) if len(found) > limit else None)


def _view(one: PastState) -> PastStateView:
    text = REASON_TEXT[one.reason]
    return PastStateView(state=one.state, reason=one.reason, text=text, since=one.since, until=one.until)
