"""The application: gate, routes, the page, and how errors are answered."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bridge.contract.errors import CodedError
from responder.errors import NoSuchChat
from responder.http import chats, legacy, metrics
from responder.http.credentials import Credentials
from responder.http.gate import Gate
from responder.http.surface import Surface

PAGE = Path(str(resources.files("responder.http"))) / "page"
#: What the legacy answers to a wrong body of this path.
_WRONG_BODY = {"/api/bot-config/toggle/": "bot_activo debe ser 0 o 1"}


def build_app(surface: Surface) -> ASGIApp:
    """Everything behind the gate."""
    app = FastAPI(title="Responder", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.surface = surface
    app.include_router(legacy.router)
    app.include_router(chats.router)
    app.include_router(metrics.router)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    app.add_exception_handler(CodedError, _coded)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    settings = surface.settings
    credentials = Credentials(settings.api_key, settings.jwt_secret, settings.jwt_audience)
    return Gate(app, credentials, settings.request_pace)


async def _coded(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CodedError)  # noqa: S101 - registered for these
    status = 404 if isinstance(error, NoSuchChat) else 503 if error.transient else 500
    return JSONResponse({"error": error.text, "code": error.code}, status)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these
    for path, text in _WRONG_BODY.items():
        if request.url.path.startswith(path):
            return JSONResponse({"error": text}, 400)
    faults: list[dict[str, Any]] = list(error.errors())
    where = ".".join(str(part) for part in faults[0]["loc"][1:]) if faults else ""
    return JSONResponse({"error": f"{where or 'body'}: {faults[0]['msg']}" if faults else "invalid"}, 400)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    if error.status_code == 404 and request.url.path.startswith("/api/"):
        return JSONResponse({"ok": False, "error": "Ruta no encontrada"}, 404)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
