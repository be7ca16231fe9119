"""Whether the process is alive, and whether it works: two questions, for only one of them is a reason to restart it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.contract.payload import instant, rfc3339
from responder.http.request_fields import surface_of


async def health(request: Request) -> Response:
    """Alive: the process answers. `ready` tells whether messages are recorded and answered now."""
    surface = surface_of(request)
    amiss = surface.unready()
    told = {
        "status": "online",
        "service": "whatsapp-bot-responder",
        "timestamp": rfc3339(instant(surface.now())),
        "ready": not amiss,
        "amiss": amiss,
    }
    return JSONResponse(told)


async def legacy_ready(request: Request) -> Response:
    """For what restarts or routes by status code: 200 when it works, else 503."""
    amiss = surface_of(request).unready()
    return JSONResponse({"ready": not amiss, "amiss": amiss}, 503 if amiss else 200)


async def alive(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "alive"})


async def ready(request: Request) -> Response:
    """As at the bridge. Needs no key, so it counts what is amiss and tells no more."""
    amiss = len(surface_of(request).unready())
    return JSONResponse({"status": "not ready" if amiss else "ready", "amiss": amiss}, 503 if amiss else 200)


routes = [
    Route("/health", health),
    Route("/health/ready", legacy_ready),
    Route("/healthz", alive),
    Route("/readyz", ready),
]
