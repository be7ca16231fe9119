"""Health and metrics. Alive is not ready: a bridge that waits for WhatsApp must not be restarted for that."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from bridge.contract.session import SessionState
from bridge.core.session_entry import SessionEntry
from bridge.http.context import is_at_rest, is_connected
from bridge.http.dependencies import PartsOf, needs
from bridge.metrics.prometheus import CONTENT_TYPE

router = APIRouter(tags=["health"], include_in_schema=False)


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers, so its loop turns. Nothing about WhatsApp; for who restarts it."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(parts: PartsOf, response: Response) -> dict[str, Any]:
    """Whether the whole path works, for every session that is to run here. Needs no key, so it tells no names."""
    wanted = [place for place in parts.places.values() if not _rests(place)]
    connected = sum(is_connected(place) for place in wanted)
    published = sum(place.session is not None and place.session.progress.connected for place in wanted)
    works = connected == published == len(wanted) and not parts.closing.is_set()
    response.status_code = 200 if works else 503
    return {
        "status": "ready" if works else "not ready",
        "sessions": len(wanted),
        "connected": connected,
        "on_mqtt": published,
    }


@router.get("/metrics", dependencies=[needs(None)])
async def metrics(parts: PartsOf) -> Response:
    """For Prometheus."""
    return Response(parts.metrics_text(), media_type=CONTENT_TYPE)


def _rests(place: SessionEntry) -> bool:
    return is_at_rest(place) or place.view.situation.state is SessionState.STANDBY
