"""Reads requests: who may use which session, bodies, queries. Errors are problems (RFC 9457), as the bridge's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from bridge.contract.errors import CodedError
from campaigns.errors import CampaignError, WrongPlan
from campaigns.http.context import CampaignContext

#: The sessions that the façade's caller may use, comma list; without it, all.
SESSIONS_HEADER = "x-wa-sessions"
#: `no`: the façade's caller may send and not read what people write.
ANSWERS_HEADER = "x-wa-answers"
_Model = TypeVar("_Model", bound=BaseModel)


def context_of(request: Request) -> CampaignContext:
    """What the routes work with."""
    context: CampaignContext = request.app.state.context
    return context


def sessions_of(request: Request) -> frozenset[str] | None:
    """The sessions that the caller may use; None: all."""
    given = request.headers.get(SESSIONS_HEADER)
    return None if given is None else frozenset(name for name in given.split(",") if name)


def shows_answers(request: Request) -> bool:
    """Whether the caller may read what people write."""
    return request.headers.get(ANSWERS_HEADER) != "no"


async def body_of(request: Request, model: type[_Model]) -> _Model:
    """The JSON body. Raises `WrongPlan` with one sentence that names each field."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a form of another site cannot send this type
        raise WrongPlan("The body must be JSON: send Content-Type: application/json.")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise WrongPlan(f"Refused: {'; '.join(_faults(error))}.") from error


def flag(request: Request, name: str) -> bool:
    """A yes or no of the query."""
    return request.query_params.get(name, "").lower() in ("1", "true", "yes")


def number(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query. Raises `WrongPlan`."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
        raise WrongPlan(f"{name} must be a number up to {most}.")
    return int(text)


def states_of(request: Request) -> list[str] | None:
    """The states of the query, comma list; None: all."""
    given = [name for name in request.query_params.get("state", "").split(",") if name]
    return given or None


def problem(status: int, code: str, text: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """An error as `application/problem+json`."""
    body = {
        "type": f"urn:whatsapp-mqtt-bridge:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": text,
        "code": code,
        **more,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def problem_of(error: CodedError) -> JSONResponse:
    """An error of this service, or one of the database."""
    status = error.http if isinstance(error, CampaignError) else 503 if error.transient else 500
    more: dict[str, Any] = {"detail_code": error.detail} if error.detail else {}
    return problem(status, error.code, error.text, transient=error.transient, **more)


def _faults(error: ValidationError) -> list[str]:
    faults = []
    for fault in error.errors(include_url=False, include_context=False)[:3]:
        where = ".".join(map(str, fault["loc"]))
        text = fault["msg"].removeprefix("Value error, ").rstrip(".")
        if fault["type"] == "missing":
            text = "is missing"
        elif fault["type"] == "extra_forbidden":
            text = "is not a known field"
        faults.append(f"{where} {text}".strip())
    return faults
