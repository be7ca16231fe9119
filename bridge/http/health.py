"""Health and metrics. Alive is not ready: a bridge that waits for WhatsApp must not be restarted for that."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from bridge.contract.session import SessionState
from bridge.core.session_entry import SessionEntry
from bridge.http.context import is_at_rest, is_connected
from bridge.http.dependencies import ContextOf, needs
from bridge.metrics.prometheus import CONTENT_TYPE

router = APIRouter(tags=["health"], include_in_schema=False)


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers, so its loop turns. Nothing about WhatsApp; for who restarts it."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(context: ContextOf, response: Response) -> dict[str, Any]:
    """Whether the whole path works, for every session that is to run here. Needs no key, so it tells no names."""
    wanted = [entry for entry in context.entries.values() if not _rests(entry)]
    connected = sum(is_connected(entry) for entry in wanted)
    published = sum(entry.session is not None and entry.session.on_mqtt for entry in wanted)
    works = connected == published == len(wanted) and not context.closing.is_set()
    response.status_code = 200 if works else 503
    return {
        "status": "ready" if works else "not ready",
        "sessions": len(wanted),
        "connected": connected,
        "on_mqtt": published,
    }


@router.get("/metrics", dependencies=[needs(None)])
async def metrics(context: ContextOf) -> Response:
    """For Prometheus."""
    return Response(context.metrics_text(), media_type=CONTENT_TYPE)


def _rests(entry: SessionEntry) -> bool:
    return is_at_rest(entry) or entry.view.situation.state is SessionState.STANDBY
