"""`/v1/sessions/{session}/history`: counts and times of the last hour or day, for charts."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bridge.contract.payload import instant
from bridge.http.dependencies import ContextOf, needs
from bridge.metrics.charts import MINUTE, ChartSpan, Minute
from bridge.ports import Step

router = APIRouter(tags=["sessions"])


class ChartBucket(BaseModel):
    """Counts of the `step` seconds from `at` on. Times are means, null where nothing was measured."""

    at: datetime
    received: int
    sent: int
    delivered: int
    read: int
    failed: int = Field(description="sends that failed or whose outcome is unknown")
    webhooks_delivered: int
    webhooks_failed: int
    send_ms: float | None = Field(description="from the claim to WhatsApp's server")
    publish_ms: float | None = Field(description="from the journal to the broker's PUBACK")


class HistoryView(BaseModel):
    """Buckets, oldest first. The last day is kept over restarts."""

    span: ChartSpan
    step: int = Field(description="seconds in each bucket")
    buckets: list[ChartBucket]


@router.get("/sessions/{session}/history", dependencies=[needs(None)])
async def read_history(session: str, context: ContextOf, span: ChartSpan = ChartSpan.HOUR) -> HistoryView:
    """The last hour in minutes, or the last day in quarters of an hour."""
    context.entry(session)
    buckets = [_view(at, minute) for at, minute in context.charts.over(session, span)]
    return HistoryView(span=span, step=span.shape[1] * MINUTE, buckets=buckets)


def _view(at: float, minute: Minute) -> ChartBucket:
    return ChartBucket(
        at=instant(at),
        received=minute.received,
        sent=minute.sent,
        delivered=minute.delivered,
        read=minute.read,
        failed=minute.failed,
        webhooks_delivered=minute.webhooks_delivered,
        webhooks_failed=minute.webhooks_failed,
        send_ms=_ms(minute.mean(Step.SEND)),
        publish_ms=_ms(minute.mean(Step.PUBLISH)),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
