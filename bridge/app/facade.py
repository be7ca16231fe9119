"""The HTTP side of a bridge, composed: its store, webhooks, HTTP server, and the responder's switches."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from types import ModuleType

from bridge.app.hosted_sessions import HostedSessions
from bridge.app.limits import BridgeLimits
from bridge.broker import BrokerOptions
from bridge.core.shared_media import SharedMedia
from bridge.http.change_signal import ChangeSignal
from bridge.http.credentials import Credentials
from bridge.http.log_ring import LogRing
from bridge.metrics.charts import ChartRecorder
from bridge.metrics.prometheus import PrometheusMetrics
from bridge.mqtt import RetainedSwitches
from bridge.ports import Clock, Observer, StoreUnusable
from bridge.ports.broker_users import BrokerUsers
from bridge.settings import BridgeSettings
from bridge.store import BridgeStore
from bridge.webhooks.poster import WebhookPoster
from bridge.webhooks.registry import WebhookRegistry

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpFacade:
    """The HTTP side of a running bridge."""

    registry: WebhookRegistry
    observers: tuple[Observer, ...]
    #: Set: no more requests are taken.
    closing: asyncio.Event


@asynccontextmanager
async def http_facade(
    settings: BridgeSettings,
    listener: socket.socket,
    store: BridgeStore,
    sessions: HostedSessions,
    media: SharedMedia,
    broker: BrokerOptions,
    clock: Clock,
    limits: BridgeLimits,
    *,
    owner: str,
    version: str,
    credentials: Credentials,
    log: LogRing,
    login_link: str | None = None,
    broker_users: BrokerUsers | None = None,
) -> AsyncIterator[HttpFacade]:
    """Serve on `listener`, already bound, inside the context.

    Raises `StartError` for a façade that other machines reach and no key protects.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(listener)
        charts = ChartRecorder(clock, store.charts, store_every=limits.charts)
        counters = PrometheusMetrics(settings.data_dir)
        changes = ChangeSignal()
        await charts.load()
        observers: tuple[Observer, ...] = (charts.observe, counters.observe)
        poster = await stack.enter_async_context(
            WebhookPoster(
                settings.callback_hosts,
                own_port=listener.getsockname()[1],
                timeout=settings.callback_timeout,
                legacy_timeout=settings.legacy_timeout,
                observers=observers,
            )
        )
        registry = WebhookRegistry(
            store.webhooks,
            poster,
            clock,
            random=random.random,
            legacy_groups=settings.legacy_groups,
            limits=limits.webhooks,
        )
        await registry.load()
        await _warn_of_unknown_sessions(frozenset(sessions.entries), store)
        switches = RetainedSwitches(
            replace(broker, client_id=f"{broker.client_id}-switches"),
            settings.topics,
            [session.cliente_id for session in settings.sessions],
            timeout=limits.mqtt.switch,
        )
        counters.watch(sessions.entries, registry)
        closing = asyncio.Event()

        async def serve() -> None:
            server = await asyncio.to_thread(_http_server)
            await server.serve_http(
                *(settings, listener, store, sessions, media, clock, limits),
                registry=registry,
                poster=poster,
                switches=switches,
                charts=charts,
                changes=changes,
                counters=counters,
                owner=owner,
                version=version,
                closing=closing,
                credentials=credentials,
                login_link=login_link,
                log=log,
                broker=broker.addresses[0],
                broker_users=broker_users,
            )

        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(switches.run(), name="switches"),
                tasks.create_task(_compact(store, settings, limits), name="compaction of bridge.db"),
                tasks.create_task(charts.run(), name="charts"),
            ]
            serving = tasks.create_task(serve(), name="http")
            yield HttpFacade(registry, (*observers, changes.observe), closing)
            closing.set()
            for task in beside:
                task.cancel()
            await asyncio.wait([serving])
            await charts.store()


def _http_server() -> ModuleType:
    """FastAPI and the routes are a third of the imports. Browsers start meanwhile; requests wait at the listener."""
    from bridge.app import http_server

    return http_server


async def _warn_of_unknown_sessions(configured: frozenset[str], store: BridgeStore) -> None:
    """Keys and webhooks of sessions that are not configured reach nothing, and their owners cannot know why."""
    for key in await store.access.keys():
        if key.revoked_at is None and (unknown := sorted((key.sessions or frozenset()) - configured)):
            _log.warning(
                "The key %s (%s) is for %s, which this bridge does not run. `wa key revoke` ends it.",
                *(key.id, key.name, ", ".join(unknown)),
            )
    for webhook in await store.webhooks.webhooks():
        if webhook.active and webhook.session not in configured:
            _log.warning(
                "The webhook %s belongs to the session %s, which this bridge does not run: nothing is posted to it.",
                *(webhook.url, webhook.session),
            )


async def _compact(store: BridgeStore, settings: BridgeSettings, limits: BridgeLimits) -> None:
    letters, audit = settings.retention_letters * limits.day, settings.retention_audit * limits.day
    while True:
        try:
            await store.compact(letters=letters, audit=audit)
        except StoreUnusable as error:
            if not error.transient:
                raise
            _log.warning("Dead letters and audit were not compacted: %s", error)
        await asyncio.sleep(limits.compaction)
