"""Validates requests: body, query, numbers in the path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bridge.sql.errors import DatabaseDown
from responder.http.context import Surface

#: Comma list of sessions; without it all.
SESSIONS_HEADER = "x-wa-sessions"
_Model = TypeVar("_Model", bound=BaseModel)


class InvalidFields(Exception):
    """The request is not valid; the sentence names the field."""


def surface_of(request: Request) -> Surface:
    """What the routes work with."""
    surface: Surface = request.app.state.surface
    return surface


def sessions_of(request: Request) -> frozenset[str] | None:
    """The sessions that the caller of the bridge, which passes requests on, may use; None: all."""
    given = request.headers.get(SESSIONS_HEADER)
    return None if given is None else frozenset(name for name in given.split(",") if name)


def from_database(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A handler that needs the tables. In the first second, before they are there, the answer is 503."""

    @wraps(handler)
    async def when_started(request: Request) -> Response:
        if not surface_of(request).has_started():
            raise DatabaseDown("The database is being prepared: try again in a second.")
        return await handler(request)

    return when_started


async def body_of(request: Request, model: type[_Model]) -> _Model:
    """The JSON body. Raises InvalidFields."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # a form of another site cannot send this type
        raise InvalidFields("body: must be application/json")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise InvalidFields(_first_of(error, "body")) from error


def query_of(request: Request, model: type[_Model]) -> _Model:
    """The query. Raises InvalidFields."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise InvalidFields(_first_of(error, "query")) from error


def number_of(request: Request, name: str, least: int, most: int) -> int:
    """A number in the path. Raises InvalidFields."""
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidFields(f"{name}: must be a number from {least} to {most}")
    return int(text)


def _first_of(error: ValidationError, whole: str) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or whole}: {first['msg']}"
