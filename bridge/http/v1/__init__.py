"""The modern API under `/v1`: proper statuses, problems, OpenAPI. One file a noun."""

from fastapi import APIRouter

from bridge.http.v1 import audit, dead_letters, events, history, keys, listeners, messages, sends, sessions, specs
from bridge.http.v1.documents import problems

router = APIRouter(prefix="/v1", responses=problems())
for part in (sessions, messages, events, sends, listeners, dead_letters, history, keys, audit, specs):
    router.include_router(part.router)

__all__ = ["router"]
