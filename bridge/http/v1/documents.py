"""What the routes of `/v1` share for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from bridge.contract.payload import Instant, instant


def of_unix(value: object) -> object:
    """A time that the store keeps as unix seconds; for `BeforeValidator`."""
    return instant(value) if isinstance(value, float) else value


StoredInstant = Annotated[Instant, BeforeValidator(of_unix)]
#: Models that routes parse by hand, which FastAPI does not know: added to the document's components.
PARSED_BY_HAND: list[type[BaseModel]] = []


class ProblemDocument(BaseModel):
    """An error (RFC 9457); codes are the same on MQTT."""

    type: str = Field(examples=["urn:whatsapp-mqtt-bridge:error:not_connected"])
    title: str = Field(examples=["Not connected"])
    status: int = Field(examples=[503])
    detail: str = Field(examples=["The WhatsApp session is not connected."])
    code: str = Field(examples=["not_connected"], description="stable, for programs")
    transient: bool = Field(description="whether the same request may succeed later")
    detail_code: str | None = Field(
        default=None,
        examples=["not_a_phone_number"],
        description="what exactly is invalid, where there is a code for it",
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that every route may answer, and those with `statuses`."""
    form = {"content": {"application/problem+json": {"schema": {"$ref": _ref(ProblemDocument)}}}}
    common = (400, 401, 403, 404, 413, 415, 429, 500, 503)
    return {status: {"description": "Problem", **form} for status in sorted({*statuses, *common})}


def body_of(model: type[BaseModel], **examples: Any) -> dict[str, Any]:
    """Document a body that the route parses itself, as `openapi_extra`."""
    return body_of_any([model], **examples)


def body_of_any(models: Sequence[type[BaseModel]], **examples: Any) -> dict[str, Any]:
    """Document a body of one of several forms that the route parses itself, as `openapi_extra`."""
    PARSED_BY_HAND.extend(model for model in models if model not in PARSED_BY_HAND)
    forms = [{"$ref": _ref(model)} for model in models]
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": forms[0] if len(forms) == 1 else {"oneOf": forms}, "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def _ref(model: type[BaseModel]) -> str:
    return f"#/components/schemas/{model.__name__}"


PARSED_BY_HAND.append(ProblemDocument)
