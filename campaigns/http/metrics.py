"""Metrics of the campaigns: what is under way now, and what happened since the start. No numbers, no texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from bridge.contract.campaigns import CampaignState, RecipientState
from bridge.sql.errors import DatabaseDown
from campaigns.http.context import CampaignContext
from campaigns.http.requests import context_of
from campaigns.store.rows import UnderWay

#: Kinds of events that are answers.
_ANSWERS = ("answered", "opted_out")


async def metrics(request: Request) -> Response:
    """Metrics in the format of Prometheus. Without its database only those that need none."""
    context = context_of(request)
    try:
        counts = not {"database", "standby"} & set(context.problems())  # the service that works counts, and no other
        now = await context.campaigns.under_way() if counts else None
    except DatabaseDown:
        now = None
    registry = CollectorRegistry()
    registry.register(_Collector(context, now))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Collector(Collector):
    def __init__(self, context: CampaignContext, now: UnderWay | None) -> None:
        self._context = context
        self._now = now

    def collect(self) -> Iterable[Metric]:
        context = self._context
        yield GaugeMetricFamily("wa_campaigns_amiss", "Parts that are not available.", len(context.problems()))
        if self._now is not None:
            yield _gauge(
                *("wa_campaigns", "Campaigns that are not over, by state."),
                self._now.campaigns,
                [state for state in CampaignState if state not in (CampaignState.DONE, CampaignState.CANCELLED)],
            )
            yield _gauge(
                *("wa_campaign_recipients", "Recipients of campaigns that are not over, by state."),
                self._now.recipients,
                list(RecipientState),
            )
        outcomes = CounterMetricFamily(
            "wa_campaign_messages", "Messages of campaigns, by outcome.", labels=["session", "outcome"]
        )
        for (session, outcome), count in context.outcomes.items():
            outcomes.add_metric([session, outcome], count)
        yield outcomes
        answers = CounterMetricFamily("wa_campaign_answers", "Answers of recipients.", labels=["session", "kind"])
        stops = CounterMetricFamily("wa_campaign_stops", "Campaigns that a rule stopped.", labels=["session", "rule"])
        for (session, kind, reason), count in context.publisher.counted.items():
            if kind in _ANSWERS:
                answers.add_metric([session, kind], count)
            elif kind == "stopped":
                stops.add_metric([session, reason or ""], count)
        yield answers
        yield stops
        rows = CounterMetricFamily("wa_campaign_import_rows", "Rows of uploaded lists.", labels=["outcome"])
        for outcome in ("used", "duplicate", "wrong"):
            rows.add_metric([outcome], context.imports.rows[outcome])
        yield rows


def _gauge(name: str, text: str, found: Mapping[tuple[str, str], int], states: Iterable[str]) -> Metric:
    """Every state of every session that has one, so that a chart falls to zero."""
    gauge, counted = GaugeMetricFamily(name, text, labels=["session", "state"]), Counter(found)
    for session in sorted({session for session, _ in found}):
        for state in states:
            gauge.add_metric([session, state], counted[session, state])
    return gauge
