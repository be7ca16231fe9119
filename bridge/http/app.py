"""The HTTP side as one ASGI application: routes, the forms of errors, the OpenAPI document, the guard in front."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from bridge.asgi.express_paths import ExpressPaths
from bridge.asgi.head import HeadAsGet
from bridge.contract.errors import CodedError, InternalError, InvalidRequest
from bridge.contract.faults import said_of
from bridge.http import health, legacy, legacy_bot, legacy_sessions, panel, v1
from bridge.http.context import AppContext
from bridge.http.errors import Forbidden, HttpError, MethodNotAllowed, NotFound, answer
from bridge.http.guard import PUBLIC, AuthOptions, guard
from bridge.http.v1.documents import PARSED_BY_HAND

_log = logging.getLogger(__name__)
_SECURITY = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "`wa key create`, WHATSAPP_API_KEY"},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "HS256: sub, aud, exp, scope"},
}
LEGACY = (legacy.router, legacy_bot.router, legacy_sessions.router)
_WRONG_BODY = legacy.WRONG_BODY | legacy_bot.WRONG_BODY


def build_app(context: AppContext, options: AuthOptions, *, version: str) -> ASGIApp:
    """The application; its only state is `context`."""
    app = FastAPI(
        title="WhatsApp ⇄ MQTT bridge",
        version=version,
        description="The legacy endpoints, unchanged, and `/v1` beside them. Errors of `/v1` are problems (RFC 9457).",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages load scripts from other sites
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.add_exception_handler(CodedError, _coded)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _internal)
    app.add_api_route("/health", _health, tags=["health"], summary="Whether the HTTP side runs; needs no key")
    for router in (panel.router, health.router, legacy.router, legacy_bot.router, v1.router, legacy_sessions.router):
        app.router.routes.extend(router.routes)  # `include_router` reads each signature once more, at the first request
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # the documented way to extend it
    old = {route.path for router in LEGACY for route in router.routes if isinstance(route, APIRoute)}
    return HeadAsGet(ExpressPaths(guard(app, options, context), sorted(old)))


async def _health() -> dict[str, str]:
    return {"status": "online", "service": "whatsapp-mqtt-bridge"}


async def _coded(request: Request, error: Exception) -> Response:
    assert isinstance(error, CodedError)  # noqa: S101 - registered for it
    return answer(request.url.path, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """A request that does not fit a route's declared types: one sentence that names each field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    return answer(request.url.path, InvalidRequest(_explain(error)), _legacy_text(request))


async def _http(request: Request, error: Exception) -> Response:
    """A request that the framework refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    modern = request.url.path.startswith("/v1/")
    refusal: CodedError
    match error.status_code:
        case 404:
            refusal = NotFound()
        case 405:  # the legacy router had no 405: another method was another path
            refusal = MethodNotAllowed(headers=error.headers) if modern else NotFound()
        case 403:
            refusal = Forbidden()
        case 400:
            refusal = InvalidRequest("The body is not readable JSON.")
        case _:
            refusal = HttpError(str(error.detail))
    return answer(request.url.path, refusal, _legacy_text(request) if error.status_code == 400 else None)


async def _internal(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, _template(request), exc_info=error)
    return answer(request.url.path, InternalError())


def _legacy_text(request: Request) -> str | None:
    return _WRONG_BODY.get(_template(request))


def _template(request: Request) -> str:
    """The path of the route, which contains no phone number."""
    return str(getattr(request.scope.get("route"), "path", "(no route)"))


def _explain(error: RequestValidationError) -> str:
    problems = []
    for one in list(error.errors())[:3]:
        field = ".".join(str(part) for part in one["loc"][1:])[:80] or str(one["loc"][0])
        match one["type"]:
            case "json_invalid":
                return "The body is not JSON."
            case "missing":
                problems.append(f"{field} is missing")
            case "extra_forbidden":
                problems.append(f"{field} is not a known field")
            case _:
                problems.append(f"{field}: {said_of(one)}")
    return f"Refused: {'; '.join(problems)}."


def _document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, including the models that routes parse by hand."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        _, extra = models_json_schema(
            [(model, "validation") for model in PARSED_BY_HAND], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"] |= extra["$defs"]
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        document["components"]["securitySchemes"] = _SECURITY
        for path, item in document["paths"].items():
            for operation in item.values():
                # FastAPI documents its own form of refusals; `_invalid` answers 400 in the form of the path.
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]
                if path not in PUBLIC:
                    operation["security"] = [{name: []} for name in _SECURITY]
        app.openapi_schema = document
    return app.openapi_schema
