"""Health and metrics. Liveness is not readiness: a bridge that waits for WhatsApp must not be restarted for that."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from bridge.contract.session import SessionState
from bridge.core.session_entry import SessionEntry
from bridge.http.context import is_at_rest, is_connected
from bridge.http.dependencies import Caller, ContextOf
from bridge.http.errors import Forbidden
from bridge.metrics.prometheus import CONTENT_TYPE

router = APIRouter(tags=["health"], include_in_schema=False)


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Liveness: the event loop runs. Independent of WhatsApp; for a supervisor that restarts the process."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(context: ContextOf, response: Response) -> dict[str, Any]:
    """Readiness: every session that should run here is connected, to WhatsApp and MQTT. No key, so no names."""
    expected = [entry for entry in context.entries.values() if not _rests(entry)]
    connected = sum(is_connected(entry) for entry in expected)
    published = sum(entry.session is not None and entry.session.progress.connected for entry in expected)
    is_ready = connected == published == len(expected) and not context.closing.is_set()
    response.status_code = 200 if is_ready else 503
    return {
        "status": "ready" if is_ready else "not ready",
        "sessions": len(expected),
        "connected": connected,
        "on_mqtt": published,
    }


@router.get("/metrics")
async def metrics(context: ContextOf, caller: Caller) -> Response:
    """Metrics in the format of Prometheus, of the sessions that the caller may see. Raises `Forbidden` for an agent."""
    if caller.agent is not None:
        raise Forbidden  # they count the messages of every chat
    return Response(context.metrics_text(caller.sessions), media_type=CONTENT_TYPE)


def _rests(entry: SessionEntry) -> bool:
    return is_at_rest(entry) or entry.view.situation.state is SessionState.STANDBY
