"""The application: guard, routes, the page, and the answers to errors."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from bridge.asgi.api_credentials import ApiCredentials
from bridge.asgi.express_paths import ExpressPaths
from bridge.asgi.kinds_script import kinds_script
from bridge.asgi.page_files import PageFiles
from bridge.asgi.page_script import page_script
from bridge.contract.errors import CodedError
from responder.errors import NoSuchChat, RulesChanged, RulesNotWritten, WrongRules
from responder.http import chats, health, legacy, rules
from responder.http.context import Surface
from responder.http.guard import guard
from responder.http.request_fields import InvalidFields

PAGE = Path(str(resources.files("responder.http"))) / "page"


def build_app(surface: Surface) -> ASGIApp:
    """The application behind its guard. Plain Starlette: FastAPI would add 7 MB, and nothing here needs OpenAPI."""
    app = Starlette(
        routes=[
            *legacy.routes,
            *chats.routes,
            *rules.routes,
            *health.routes,
            Route("/metrics", _metrics),
            Route("/static/kinds.js", _kinds),
            Route("/static/main.js", page_script(PAGE / "main.js")),
            Mount("/static", PageFiles(directory=PAGE), name="static"),
            Route("/", _page),
        ],
        exception_handlers={CodedError: _coded, InvalidFields: _invalid, HTTPException: _http},
    )
    app.state.surface = surface
    settings = surface.settings
    shared = surface.shared
    credentials = ApiCredentials(
        *(settings.api_key, settings.secret),
        jwt_secret=settings.jwt_secret,
        audience=settings.jwt_audience,
        shared=shared,
    )
    guarded = guard(
        app,
        credentials,
        settings.http_rate,
        surface.limits,
        proxies=settings.http_proxies,
        webhook=surface.sender is not None,
        panel=None if shared is None else shared.panel,
    )
    return ExpressPaths(guarded, [route.path for route in legacy.routes])


async def _metrics(request: Request) -> Response:
    from responder.http.metrics import metrics  # 1 MB, for those who are scraped

    return await metrics(request)


async def _kinds(_: Request) -> Response:
    return kinds_script()


async def _page(_: Request) -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


#: The status of an error by its code; another is 503 where a retry may help, else 500.
_STATUS = {NoSuchChat.code: 404, WrongRules.code: 400, RulesChanged.code: 409, RulesNotWritten.code: 409}


async def _coded(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CodedError)  # noqa: S101 - registered for these
    status = _STATUS.get(error.code, 503 if error.transient else 500)
    return _refusal(request, status, error.code, error.text, transient=error.transient)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    return _refusal(request, 400, "invalid", str(error))


def _refusal(request: Request, status: int, code: str, text: str, *, transient: bool = False) -> JSONResponse:
    """`error` for the callers of this server, and the members of a problem for the bridge, which passes it on."""
    if "application/problem+json" not in request.headers.get("accept", ""):
        return JSONResponse({"error": text} if code == "invalid" else {"error": text, "code": code}, status)
    problem = {
        "type": f"urn:whatsapp-mqtt-bridge:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": text,
        "transient": transient,
    }
    return JSONResponse({"error": text, "code": code, **problem}, status)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    if error.status_code == 404 and request.url.path.startswith("/api/"):
        return JSONResponse({"ok": False, "error": "Ruta no encontrada"}, 404)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
