"""The sandbox's web application: pages with their security headers, web sockets, control API."""

from __future__ import annotations

import asyncio
import html
import secrets
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from bridge.asgi.kinds_script import kinds_script
from bridge.contract.errors import InvalidRequest
from bridge.sandbox.account import ServiceRefused
from bridge.sandbox.account_control import account_control
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.control import control
from bridge.sandbox.fault_control import fault_control
from bridge.sandbox.guard import UPLOAD, guard
from bridge.sandbox.linked_devices import CodeNotShown, NotLinked
from bridge.sandbox.media import FALLBACK, MediaServer, StoredUpload
from bridge.sandbox.media_control import media_control
from bridge.sandbox.page_socket import PageSocket
from bridge.sandbox.passkey import PasskeyAsked
from bridge.sandbox.phone_socket import PhoneSocket
from bridge.sandbox.received_media import ReceivedFiles
from bridge.sandbox.records import SandboxSettings, Site
from bridge.sandbox.world import World

PAGES = Path(__file__).parent / "page"
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)


def build_app(world: World, media: MediaServer, received: ReceivedFiles) -> ASGIApp:
    """The application over a world, and the files of its sent and received messages."""
    app = FastAPI(title="WhatsApp sandbox", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.include_router(control(world))
    app.include_router(fault_control(world))
    app.include_router(account_control(world, media))
    app.include_router(media_control(world, received))
    app.add_api_route("/assets/phone/kinds.js", kinds_script, include_in_schema=False)
    app.mount("/assets", _Assets(directory=PAGES), name="assets")

    @app.get("/", include_in_schema=False)
    async def double() -> Response:
        return _double(world.state.settings)

    @app.get("/sw.js", include_in_schema=False)
    async def service_worker() -> Response:
        # not among the assets: its folder is what it controls
        return FileResponse(PAGES / "web" / "service_worker.js", headers={"Cache-Control": "no-cache"})

    @app.get("/phone", include_in_schema=False)
    async def phone() -> Response:
        return _page("phone")

    @app.post(UPLOAD, include_in_schema=False)
    @app.post(FALLBACK + UPLOAD, include_in_schema=False)
    async def upload(request: Request) -> StoredUpload:
        settings = world.state.settings
        if settings.uploads_fail or (settings.file_server_down and not request.url.path.startswith(FALLBACK)):
            raise HTTPException(503)
        await asyncio.sleep(settings.upload_ms / 1000)
        return await media.receive(request.stream())

    @app.get("/mms/{sha256}", include_in_schema=False)
    async def download(sha256: str) -> Response:
        path = media.file(sha256)
        if path is None:
            raise EntryNotFound(f"There is no file {sha256}.")
        return FileResponse(path, headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"})

    @app.websocket("/ws/chat")
    async def page_socket(socket: WebSocket) -> None:
        await PageSocket(world, socket).run()

    @app.websocket("/phone/live")
    async def phone_socket(socket: WebSocket) -> None:
        await PhoneSocket(world, socket).run()

    @app.exception_handler(EntryNotFound)
    @app.exception_handler(CodeNotShown)
    @app.exception_handler(NotLinked)
    async def not_found(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=404)

    @app.exception_handler(PasskeyAsked)
    async def passkey_asked(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"passkey": str(error)}, status_code=202)

    @app.exception_handler(ServiceRefused)
    async def refused(_request: Request, error: ServiceRefused) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=409)

    @app.exception_handler(ValueError)
    @app.exception_handler(InvalidRequest)
    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=422)

    return guard(app)


class _Assets(StaticFiles):
    """Files that the browser revalidates at every load: a browser profile outlives a version of the sandbox."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _double(settings: SandboxSettings) -> Response:
    match settings.site:
        case Site.ERROR:
            return HTMLResponse("<h1>Internal Server Error</h1>", status_code=500)
        case Site.MAINTENANCE:
            return HTMLResponse("<title>WhatsApp</title><p>We are down for maintenance. Back soon.</p>")
        case Site.BLANK:
            return HTMLResponse("")
    return _page(
        "web",
        missing=html.escape(" ".join(settings.missing_modules)),
        worker="on" if settings.service_worker else "",
        late="" if settings.late_modules_ms is None else str(settings.late_modules_ms),
        keys="minified" if settings.minified_keys else "plain",
    )


def _page(name: str, **values: str) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    text = (PAGES / name / "index.html").read_text(encoding="utf-8").replace("{nonce}", nonce)
    for placeholder, value in values.items():
        text = text.replace(f"{{{placeholder}}}", value)
    return HTMLResponse(
        text,
        headers={
            "Content-Security-Policy": POLICY.replace("{nonce}", nonce),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
