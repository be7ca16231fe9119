"""Liveness and readiness: only a process that is not alive has to be restarted. And the settings in force."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.contract.payload import instant, rfc3339
from responder.http.request_fields import surface_of


async def health(request: Request) -> Response:
    """Liveness in the legacy form, `starting` before the database is ready. `ready`: it records and answers now."""
    surface = surface_of(request)
    problems = surface.unready()
    body = {
        "status": "online" if surface.has_started() else "starting",
        "service": "whatsapp-bot-responder",
        "timestamp": rfc3339(instant(surface.now())),
        "ready": not problems,
        "amiss": problems,
    }
    return JSONResponse(body)


async def legacy_ready(request: Request) -> Response:
    """Readiness in the legacy form: 200 or 503."""
    problems = surface_of(request).unready()
    return JSONResponse({"ready": not problems, "amiss": problems}, 503 if problems else 200)


async def alive(_: Request) -> Response:
    """Liveness, as in the bridge."""
    return JSONResponse({"status": "alive"})


async def ready(request: Request) -> Response:
    """Readiness, as in the bridge. Needs no key, so it only counts the problems."""
    count = len(surface_of(request).unready())
    return JSONResponse({"status": "not ready" if count else "ready", "amiss": count}, 503 if count else 200)


async def settings(request: Request) -> Response:
    """Every setting with the value in force and where it comes from, without secrets."""
    return JSONResponse(await asyncio.to_thread(surface_of(request).report.to_json))


routes = [
    Route("/health", health),
    Route("/health/ready", legacy_ready),
    Route("/healthz", alive),
    Route("/readyz", ready),
    Route("/api/settings", settings),
]
