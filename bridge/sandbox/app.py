"""The sandbox's web application: pages with their security headers, web sockets, control API."""

from __future__ import annotations

import asyncio
import html
import secrets
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from bridge.asgi.kinds_script import kinds_script
from bridge.asgi.page_files import PageFiles
from bridge.asgi.page_script import page_script
from bridge.contract.errors import InvalidRequest
from bridge.sandbox import account_control, control, fault_control, media_control
from bridge.sandbox.account import ServiceRefused
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.dependencies import MediaOf, WorldOf
from bridge.sandbox.guard import UPLOAD, guard
from bridge.sandbox.linked_devices import CodeNotShown, NotLinked
from bridge.sandbox.media import FALLBACK, MediaServer, StoredUpload
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
    app = FastAPI(
        title="WhatsApp sandbox",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        exception_handlers={
            EntryNotFound: _not_found,
            CodeNotShown: _not_found,
            NotLinked: _not_found,
            PasskeyAsked: _passkey_asked,
            ServiceRefused: _refused,
            ValueError: _invalid,
            InvalidRequest: _invalid,
        },
    )
    app.state.world, app.state.media, app.state.received = world, media, received
    for router in (control.router, fault_control.router, account_control.router, media_control.router, pages):
        app.router.routes.extend(router.routes)  # `include_router` would make each of them once more
    for page in ("web", "phone"):
        app.router.routes.append(Route(f"/assets/{page}/main.js", page_script(PAGES / page / "main.js")))
    app.mount("/assets", PageFiles(directory=PAGES), name="assets")
    return guard(app)


pages = APIRouter(include_in_schema=False)
pages.add_api_route("/assets/phone/kinds.js", kinds_script)


@pages.get("/")
async def double(world: WorldOf) -> Response:
    return _double(world.state.settings)


@pages.get("/sw.js")
async def service_worker() -> Response:
    # not among the assets: its folder is what it controls
    return FileResponse(PAGES / "web" / "service_worker.js", headers={"Cache-Control": "no-cache"})


@pages.get("/phone")
async def phone() -> Response:
    return _page("phone")


@pages.post(UPLOAD)
@pages.post(FALLBACK + UPLOAD)
async def upload(world: WorldOf, media: MediaOf, request: Request) -> StoredUpload:
    settings = world.state.settings
    if settings.uploads_fail or (settings.file_server_down and not request.url.path.startswith(FALLBACK)):
        raise HTTPException(503)
    await asyncio.sleep(settings.upload_ms / 1000)
    return await media.receive(request.stream())


@pages.get("/mms/{sha256}")
async def download(media: MediaOf, sha256: str) -> Response:
    path = media.file(sha256)
    if path is None:
        raise EntryNotFound(f"There is no file {sha256}.")
    return FileResponse(path, headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"})


@pages.websocket("/ws/chat")
async def page_socket(world: WorldOf, socket: WebSocket) -> None:
    await PageSocket(world, socket).run()


@pages.websocket("/phone/live")
async def phone_socket(world: WorldOf, socket: WebSocket) -> None:
    await PhoneSocket(world, socket).run()


async def _not_found(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=404)


async def _passkey_asked(_request: Request, error: Exception) -> Response:
    return JSONResponse({"passkey": str(error)}, status_code=202)


async def _refused(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=409)


async def _invalid(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=422)


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
