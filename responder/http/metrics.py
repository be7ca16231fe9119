"""Metrics of the responder: requests to the model, their cost, and missing dependencies."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from responder.chat_completions import CompletionOutcome
from responder.http.context import Surface
from responder.http.request_fields import surface_of
from responder.model import LATENCIES, Model, Usage
from responder.transcriber import TranscriptOutcome


async def metrics(request: Request) -> Response:
    """Metrics in the format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Collector(surface_of(request)))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Collector(Collector):
    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    def collect(self) -> Iterable[Metric]:
        """Current state, and the counts of the model since the start."""
        surface = self._surface
        yield GaugeMetricFamily("wa_responder_amiss", "Parts that are not available.", len(surface.unready()))
        yield GaugeMetricFamily("wa_responder_start_time_seconds", "Unix time of the start.", surface.started_at)
        if (transcriber := surface.transcriber) is not None:
            transcripts = CounterMetricFamily("wa_transcripts", "Voice messages, by outcome.", labels=["outcome"])
            for outcome in TranscriptOutcome:
                transcripts.add_metric([outcome], transcriber.outcomes[outcome])
            yield transcripts
            yield CounterMetricFamily(
                "wa_transcript_requests", "Requests for transcripts, including retries.", value=transcriber.requests
            )
        if (model := surface.model) is not None:
            yield from _of_model(model)


def _of_model(model: Model) -> Iterable[Metric]:
    usage = model.usage
    outcomes = CounterMetricFamily("wa_model_answers", "Questions to the model, by outcome.", labels=["outcome"])
    for outcome in CompletionOutcome:
        outcomes.add_metric([outcome], usage.outcomes[outcome])
    outcomes.add_metric(["failed"], usage.failures)
    tokens = CounterMetricFamily("wa_model_tokens", "Tokens, by direction.", labels=["direction"])
    tokens.add_metric(["in"], usage.tokens_in)
    tokens.add_metric(["out"], usage.tokens_out)
    yield outcomes
    yield tokens
    yield CounterMetricFamily("wa_model_requests", "Requests to the model, including retries.", value=usage.questions)
    yield _latency(usage)
    yield CounterMetricFamily("wa_model_cost", "Cost, in the currency of the configured prices.", value=usage.cost)
    resting = float(model.breaker.open_until > model.now())
    yield GaugeMetricFamily("wa_model_resting", "1 while the model is not asked because it failed.", resting)


def _latency(usage: Usage) -> Metric:
    bounds = [*(str(bound) for bound in LATENCIES), "+Inf"]
    return HistogramMetricFamily(
        "wa_model_request_duration_seconds",
        "Duration of requests to the model, including failed ones.",
        buckets=list(zip(bounds, accumulate(usage.took), strict=True)),
        sum_value=usage.seconds,
    )
