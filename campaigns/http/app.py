"""The application: routes, errors as problems, and the guard in front."""

from __future__ import annotations

import asyncio
import logging
import socket

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.asgi.api_credentials import LOCAL, ApiCredentials
from bridge.asgi.authentication import Authentication, AuthRules, PublicPaths
from bridge.asgi.body import BodyLimit
from bridge.asgi.limits import ServerLimits
from bridge.asgi.listener import bind
from bridge.asgi.loopback import is_loopback
from bridge.asgi.security_headers import SecurityHeaders
from bridge.asgi.server import EmbeddedServer
from bridge.contract.errors import CodedError
from campaigns.errors import StandsBy, WrongCampaignSettings
from campaigns.http import campaign_routes, list_routes
from campaigns.http.context import CampaignContext
from campaigns.http.requests import context_of, problem, problem_of

_log = logging.getLogger(__name__)
_PUBLIC = PublicPaths(frozenset(), ("/health", "/readyz"))
_POLICY = "default-src 'none'; frame-ancestors 'none'"
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def build_app(context: CampaignContext, secret: SecretStr | None) -> ASGIApp:
    """The application behind its guard: with a secret every caller shows it, without one only this machine calls."""
    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/readyz", _ready),
            Route("/metrics", _metrics),
            Route("/v1/campaigns/settings", _settings),
            *list_routes.routes,  # before the ids of campaigns
            *campaign_routes.routes,
        ],
        exception_handlers={CodedError: _coded, HTTPException: _http, Exception: _internal},
    )
    app.state.context = context
    credentials = ApiCredentials(secret)
    rules = AuthRules(
        server="the campaigns service",
        local=LOCAL,
        public=_PUBLIC,
        are_configured=credentials.are_configured,
        verify=credentials.verify,
        identify=_no_other,
    )
    limited = BodyLimit(
        _unless_standby(app, context), context.limits.body, _refuse, streamed=frozenset({list_routes.UPLOAD})
    )
    return SecurityHeaders(Authentication(limited, rules, _refuse), _POLICY)


def listen(host: str, port: int, *, protected: bool) -> socket.socket:
    """Take the address; port 0 takes a free one. Raises `WrongCampaignSettings` with what to do."""
    try:
        listener = bind(host, port)
    except OSError as error:
        raise WrongCampaignSettings(
            f"The campaigns service cannot listen on {host}:{port} ({error.strerror}). End the program that does, or"
            " choose another address in WA_CAMPAIGNS_HOST and WA_CAMPAIGNS_PORT."
        ) from error
    if not protected and not is_loopback(listener.getsockname()[0]):
        listener.close()
        raise WrongCampaignSettings(
            "WA_CAMPAIGNS_HOST lets other machines in, and no secret protects it. Set WA_CAMPAIGNS_SECRET."
        )
    return listener


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event, limits: ServerLimits) -> None:
    """Serve requests until `stop` is set."""
    await EmbeddedServer.of(app, limits).serve_until(stop, listener, "campaigns http")


def _unless_standby(app: ASGIApp, context: CampaignContext) -> ASGIApp:
    """The API only while this service works: what another one carries out must not be changed here."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        asked = app
        if scope["type"] == "http" and scope["path"].startswith("/v1/") and context.is_standby():
            asked = problem_of(StandsBy())
        await asked(scope, receive, send)

    return guarded


async def _no_other(_scope: Scope, _headers: Headers) -> None:
    return None


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "online", "service": "wa-campaigns"})


async def _ready(request: Request) -> Response:
    problems = context_of(request).problems()
    return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)


async def _metrics(request: Request) -> Response:
    from campaigns.http.metrics import metrics  # 1 MB, for those who are scraped

    return await metrics(request)


async def _settings(request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(context_of(request).report.to_json))


async def _coded(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CodedError)  # noqa: S101 - registered for these
    return problem_of(error)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    code = _CODES.get(error.status_code, "invalid")
    return problem(error.status_code, code, error.detail or code, error.headers)


async def _internal(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s failed", request.method, exc_info=error)
    return problem(500, "internal", "The campaigns service failed; its log says why.")


def _refuse(_: Scope, refused: HTTPException) -> ASGIApp:
    code = _CODES.get(refused.status_code, "invalid")
    return problem(refused.status_code, code, refused.detail or code, refused.headers)
