"""Prometheus: counters fed by events, and gauges read at each scrape. The only module that imports its client.

Labels are session names, contract states, codes and kinds, and webhook ids: all bounded, and never a phone number.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.contract.errors import ERRORS
from bridge.contract.kinds.media import MediaState
from bridge.contract.lifecycle import SendState
from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.core.session_entry import SessionEntry
from bridge.ports import (
    AlreadyJournalled,
    CommandAdvanced,
    CommandClaimed,
    EmptyCommand,
    Event,
    Journalled,
    MediaEnded,
    Posted,
    PostOutcome,
    Published,
    Step,
    durations,
)
from bridge.webhooks.registry import WebhookRegistry
from bridge.webhooks.retry_policy import Circuit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: WhatsApp's message types that have a label of their own; every other type is `other`.
KINDS = frozenset(
    {
        "audio",
        "buttons_response",
        "chat",
        "document",
        "image",
        "interactive",
        "list_response",
        "location",
        "multi_vcard",
    }
    | {"own_message", "poll_creation", "ptt", "sent_message", "sticker", "unknown", "vcard", "video"}
)
_CODES = frozenset(ERRORS)
#: Seconds. From a commit in group to a send that waited for its turn.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class PrometheusMetrics:
    def __init__(self, data_dir: Path) -> None:
        # else each counter gets a second series, `_created`, that no rule or chart uses
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._data_dir = data_dir
        self._registry = CollectorRegistry()
        self._received = self._counter("received", "Items journalled.", "stream", "kind")
        self._repeated = self._counter("repeated", "Messages that the journal had already.")
        self._published = self._counter("published", "Items with a PUBACK of the broker.", "stream")
        self._sends = self._counter("sends", "Commands, by each state that they reached.", "state", "code")
        self._posts = self._counter("webhook_posts", "Posts to listeners, by outcome.", "outcome")
        self._empty = self._counter("empty_commands", "Empty payloads on command topics, which are ignored.", "topic")
        self._files = self._counter("media_files", "Downloads of files, by the state that ended them.", "state")
        self._file_bytes = self._counter("media_bytes", "Bytes of the files that were downloaded.")
        self._steps = Histogram(
            "wa_step_duration_seconds",
            "Time of each step of a message's way.",
            ["session", "step"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def watch(self, sessions: Mapping[str, SessionEntry], listeners: WebhookRegistry) -> None:
        """Read states, queues and lags of these sessions at each scrape."""
        self._registry.register(_Gauges(sessions, listeners, self._data_dir))
        for session in sessions:  # Prometheus sees an increase only in a series that existed before
            for state in (one for one in SendState if one is not SendState.SENDING):
                self._sends.labels(session, state, "")
            for code in ERRORS:
                self._sends.labels(session, SendState.FAILED, code)
            for outcome in PostOutcome:
                self._posts.labels(session, outcome)
            for step in Step:
                self._steps.labels(session, step)
            for ended in (MediaState.READY, MediaState.FAILED, MediaState.EXPIRED, MediaState.TOO_LARGE):
                self._files.labels(session, ended)
            self._file_bytes.labels(session)
            self._repeated.labels(session)
            self._received.labels(session, Stream.IN, "chat")
            self._published.labels(session, Stream.IN)

    def text(self, sessions: frozenset[str] | None = None) -> bytes:
        """Prometheus' text format: everything, or what is of `sessions` or of no session."""
        if sessions is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        registry.register(_OfSessions(self._registry, sessions))
        return generate_latest(registry)

    def observe(self, session: str, event: Event) -> None:
        for step, seconds in durations(event):
            self._steps.labels(session, step).observe(seconds)
        match event:
            case Journalled(stream, kind):
                self._received.labels(session, stream, kind if kind in KINDS else "other").inc()
            case AlreadyJournalled(count):
                self._repeated.labels(session).inc(count)
            case Published(stream, count):
                self._published.labels(session, stream).inc(count)
            case CommandClaimed():
                self._sends.labels(session, SendState.ACCEPTED, "").inc()
            case CommandAdvanced(state, code):
                self._sends.labels(session, state, "" if code is None else code if code in _CODES else "other").inc()
            case Posted(outcome):
                self._posts.labels(session, outcome).inc()
            case MediaEnded(ended, size):
                self._files.labels(session, ended).inc()
                self._file_bytes.labels(session).inc(size)
            case EmptyCommand(leaf):
                self._empty.labels(session, leaf).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"wa_{name}", text, ["session", *labels], registry=self._registry)


class _OfSessions(Collector):
    """The metrics of a registry without the samples of other sessions."""

    def __init__(self, registry: CollectorRegistry, sessions: frozenset[str]) -> None:
        self._registry = registry
        self._sessions = sessions

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            shown = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            shown.samples = [one for one in metric.samples if one.labels.get("session") in (None, *self._sessions)]
            yield shown


class _Gauges(Collector):
    """States, queues and lags, read at each scrape."""

    def __init__(self, sessions: Mapping[str, SessionEntry], listeners: WebhookRegistry, data_dir: Path) -> None:
        self._sessions = sessions
        self._listeners = listeners
        self._data_dir = data_dir

    def collect(self) -> Iterable[Metric]:
        """One sample for each session, state, stream or webhook."""
        state = GaugeMetricFamily(
            "wa_session_state", "1 for the state that a session is in.", labels=["session", "state"]
        )
        since = GaugeMetricFamily(
            "wa_session_state_changed_timestamp_seconds", "Unix time of the last change.", labels=["session"]
        )
        mqtt = GaugeMetricFamily("wa_mqtt_connected", "1 while a session has its broker.", labels=["session"])
        waiting = GaugeMetricFamily("wa_outbox_open", "Commands without a final result.", labels=["session"])
        files = GaugeMetricFamily("wa_media_pending", "Files that are being downloaded or wait.", labels=["session"])
        lag = GaugeMetricFamily("wa_mqtt_lag", "Journalled and not yet published.", labels=["session", "stream"])
        budget = GaugeMetricFamily(
            "wa_send_budget", "Sends that could leave at once: answers, first messages.", labels=["session", "budget"]
        )
        firsts = GaugeMetricFamily(
            "wa_first_messages", "Sent in the last 24 hours to people who had not written.", labels=["session"]
        )
        held = GaugeMetricFamily(
            "wa_sending_held",
            "1 while it is held: bulk by quiet hours, first messages by a lock.",
            labels=["session", "by"],
        )
        last = GaugeMetricFamily(
            "wa_last_inbound_timestamp_seconds", "When the newest was journalled.", labels=["session"]
        )
        memory = GaugeMetricFamily("wa_memory_bytes", "Proportional set size.", labels=["session", "part"])
        changes = CounterMetricFamily(
            "wa_session_reconnects", "Times that a link or page was lost.", labels=["session"]
        )
        behind = GaugeMetricFamily("wa_listener_lag", "Items not yet delivered.", labels=["session", "listener"])
        failing = GaugeMetricFamily("wa_listener_circuit_open", "1 while it fails.", labels=["session", "listener"])
        for place in self._sessions.values():
            name, situation = place.name, place.view.situation
            for one in SessionState:
                state.add_metric([name, one], float(situation.state is one))
            since.add_metric([name], place.view.since)
            changes.add_metric([name], place.view.losses)
            if place.session is not None:
                mqtt.add_metric([name], float(place.session.progress.connected))
                status = place.session.status()
                if (sends := status.budget) is not None:
                    for which, left in (("answers", sends.answers.left), ("first", sends.first_messages.left)):
                        if left is not None:
                            budget.add_metric([name, which], left)
                    if sends.first_messages.today is not None:
                        firsts.add_metric([name], sends.first_messages.today)
                held.add_metric([name, "quiet_hours"], float(sends is not None and sends.quiet_until is not None))
                locked = status.limits is not None and status.limits.reach_out_locked_until is not None
                held.add_metric([name, "reach_out_lock"], float(locked))
                use = status.memory
                for part in ("browser", "driver", "bridge") if use else ():
                    memory.add_metric([name, part], getattr(use, f"{part}_mb") * 2**20)
            self._of_store(place, waiting, lag, last)
            if place.media is not None:
                files.add_metric([place.name], place.media.waiting)
            self._of_listeners(place, behind, failing)
        sending = [waiting, files, lag, budget, firsts, held]
        return [state, since, changes, mqtt, *sending, last, memory, behind, failing, *self._disk()]

    def _disk(self) -> list[Metric]:
        try:
            disk = shutil.disk_usage(self._data_dir)
        except OSError:
            return []
        free = GaugeMetricFamily("wa_data_disk_free_bytes", "Free on the disk with the journals.", disk.free)
        return [free, GaugeMetricFamily("wa_data_disk_size_bytes", "Size of that disk.", disk.total)]

    def _of_store(
        self, place: SessionEntry, waiting: GaugeMetricFamily, lag: GaugeMetricFamily, last: GaugeMetricFamily
    ) -> None:
        if place.journal is None or place.outbox is None or place.session is None:
            return
        waiting.add_metric([place.name], place.outbox.open_count)
        for stream in Stream:
            newest, published = place.journal.bounds(stream).last, place.session.progress.published(stream)
            lag.add_metric([place.name, stream], max(0, newest - published))
        if (at := place.journal.last_inbound_at) is not None:
            last.add_metric([place.name], at)

    def _of_listeners(self, place: SessionEntry, behind: GaugeMetricFamily, failing: GaugeMetricFamily) -> None:
        listeners = self._listeners
        for listener in listeners.active(place.name):
            health, lag = listeners.health(listener), listeners.lag(listener)
            if health is None or lag is None or not listener.delivering:
                continue
            behind.add_metric([place.name, listener.id], lag)
            failing.add_metric([place.name, listener.id], float(health.circuit is not Circuit.CLOSED))
