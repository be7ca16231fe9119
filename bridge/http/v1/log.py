"""`/v1/log`: the newest lines of the bridge's log."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.payload import CleanText
from bridge.http.dependencies import Caller, ContextOf, needs_scope
from bridge.http.v1.documents import StoredInstant
from bridge.ports import Scope

router = APIRouter(tags=["log"])


class LogLineView(BaseModel):
    """One line. Numbers of persons are masked, secrets are replaced; DEBUG lines are not kept."""

    model_config = ConfigDict(from_attributes=True)
    number: int = Field(description="grows from line to line, also over a restart")
    at: StoredInstant
    level: Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
    logger: str = Field(description="the part of the program", examples=["bridge.core.inbound"])
    message: str
    session: str | None = Field(description="the session that it is about, where one is named")
    trace: str | None = Field(description="the id to pass to `wa trace`")
    exception: str | None = Field(description="the end of a traceback")


class LogLines(BaseModel):
    """Lines in their order, the newest last."""

    model_config = ConfigDict(from_attributes=True)
    lines: list[LogLineView]
    next: int = Field(description="the `after` that shows what comes from now on")
    lost: bool = Field(description="whether lines after `after` were dropped before they were read")


@router.get("/log", dependencies=[needs_scope(Scope.ADMIN)])
async def read_log_lines(
    context: ContextOf,
    caller: Caller,
    level: Annotated[Literal["info", "warning", "error"], Query(description="lines of this level and above")] = "info",
    session: Annotated[str | None, Query(max_length=64)] = None,
    q: Annotated[CleanText, Query(max_length=200, description="a text in the line, its part or its traceback")] = "",
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> LogLines:
    """The newest lines that pass the filters. Callers of some sessions see the lines about those."""
    page = context.log.page(
        after=after,
        limit=limit,
        level=logging.getLevelNamesMapping()[level.upper()],
        session=session,
        text=q,
        sessions=caller.sessions,
    )
    found = LogLines.model_validate(page)
    for line in found.lines:
        line.session = line.session if line.session in context.entries else None  # else the first word of a sentence
    return found
