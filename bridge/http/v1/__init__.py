"""The API under `/v1`, one file a noun. Errors are problems (RFC 9457)."""

from fastapi import APIRouter

from bridge.http.v1 import (
    agents,
    approvals,
    audit,
    broker,
    campaigns,
    dead_letters,
    events,
    history,
    keys,
    log,
    media_downloads,
    messages,
    requests,
    responder,
    sends,
    sessions,
    settings,
    specs,
    states,
    uploads,
    webhooks,
)
from bridge.http.v1.documents import problems

router = APIRouter(prefix="/v1", responses=problems())
for part in (
    sessions,
    messages,
    media_downloads,
    events,
    sends,
    requests,
    uploads,
    campaigns,
    responder,
    webhooks,
    dead_letters,
    states,
    history,
    keys,
    audit,
    log,
    settings,
    broker,
    agents,
    approvals,
    specs,
):
    router.include_router(part.router)

__all__ = ["router"]
