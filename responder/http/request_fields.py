"""What a request asks for, checked before anything is done: its body, its query, a number in its path."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from responder.http.context import Surface

_Model = TypeVar("_Model", bound=BaseModel)


class Invalid(Exception):
    """It cannot be done as it was asked for; the sentence says where it is wrong."""


def surface_of(request: Request) -> Surface:
    """The surface of the application that serves the request."""
    surface: Surface = request.app.state.surface
    return surface


async def body_of(request: Request, model: type[_Model]) -> _Model:
    """The JSON body. Raises Invalid."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what a form of another site can send is none
        raise Invalid("body: must be application/json")
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise Invalid(_first_of(error, "body")) from error


def query_of(request: Request, model: type[_Model]) -> _Model:
    """The query. Raises Invalid."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise Invalid(_first_of(error, "query")) from error


def number_of(request: Request, name: str, least: int, most: int) -> int:
    """A number in the path. Raises Invalid."""
    text = request.path_params[name]
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise Invalid(f"{name}: must be a number from {least} to {most}")
    return int(text)


def _first_of(error: ValidationError, whole: str) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc'])) or whole}: {fault['msg']}"
