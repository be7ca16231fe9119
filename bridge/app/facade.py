"""The HTTP side of a bridge, composed: its store, its listeners, the façade, and the responder's switches."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import version

from bridge.app.host import COMPACTION, DAY, SessionHost
from bridge.broker import BrokerOptions
from bridge.contract.errors import StartError
from bridge.http.context import AppContext, entries_by_name
from bridge.http.credentials import Credentials
from bridge.http.guard import AuthOptions
from bridge.http.limits import HttpLimits
from bridge.http.panel_sessions import PanelSessions
from bridge.http.server import HttpServer, is_loopback
from bridge.metrics.charts import ChartRecorder
from bridge.metrics.metering import MeteredPost, Tee
from bridge.metrics.prometheus import PrometheusMetrics
from bridge.mqtt import RetainedSwitches
from bridge.ports import Clock, StoreUnusable
from bridge.settings import BridgeSettings
from bridge.store import BRIDGE_STORE, BridgeStore
from bridge.webhooks import SESSION_HEADER, WebhookRegistry
from bridge.webhooks.callback_url import CallbackRules
from bridge.webhooks.poster import WebhookPoster

_log = logging.getLogger(__name__)
DISTRIBUTION = "whatsapp-mqtt-bridge"


class HttpFacade:
    """What `Bridge` runs beside its sessions where HTTP is on. `listener` is the façade's socket, already bound."""

    def __init__(
        self,
        settings: BridgeSettings,
        listener: socket.socket,
        hosts: Sequence[SessionHost],
        broker: BrokerOptions,
        clock: Clock,
        login_link: str | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self._settings = settings
        self._login_link = login_link
        self._limits = limits or HttpLimits()
        self._listener = listener
        self._hosts = hosts
        self._broker = broker
        self._clock = clock
        self._facade: HttpServer | None = None
        self.logins: PanelSessions

    def stop(self) -> None:
        """Take no more requests."""
        if self._facade is not None:
            self._facade.stop()

    @asynccontextmanager
    async def running(self, owner: str) -> AsyncIterator[None]:
        """Serve inside the context. Raises `StartError` for a store that cannot be used or a façade without keys."""
        settings, clock = self._settings, self._clock
        async with AsyncExitStack() as stack:
            stack.enter_context(self._listener)
            try:
                store = await stack.enter_async_context(BridgeStore(settings.data_dir / BRIDGE_STORE, now=clock.now))
            except StoreUnusable as error:
                raise StartError(f"Listeners and keys cannot be read. {error.text}") from error
            history, counters = ChartRecorder(clock, store.charts), PrometheusMetrics(settings.data_dir)
            await history.load()
            metrics = Tee(history, counters)
            webhooks = await stack.enter_async_context(
                WebhookPoster(
                    CallbackRules.parse(settings.callback_hosts),
                    own_port=self._listener.getsockname()[1],
                    timeout=settings.callback_timeout,
                )
            )
            listeners = WebhookRegistry(
                store.listeners,
                MeteredPost(webhooks, metrics, clock, SESSION_HEADER),
                clock,
                random=random.random,
                legacy_groups=settings.legacy_groups,
            )
            await listeners.load()
            switches = RetainedSwitches(
                replace(self._broker, client_id=f"{self._broker.client_id}-switches"), settings.topics
            )
            credentials = _credentials(settings, store, clock, self._limits)
            self.logins = logins = PanelSessions(credentials, clock)
            if self._login_link is not None:
                logins.offer(self._login_link)
            context = AppContext(
                entries=entries_by_name(self._hosts),
                default=settings.sessions[0].name,
                owner=owner,
                registry=listeners,
                dead_letters=store.listeners,
                access=store.access,
                credentials=credentials,
                logins=logins,
                poster=webhooks,
                switches=switches,
                clock=clock,
                charts=history,
                metrics_text=counters.text,
                topics=settings.topics,
                version=version(DISTRIBUTION),
                limits=self._limits,
            )
            counters.watch(context.entries, listeners)
            options = AuthOptions(settings.http_allowance, loopback_only=is_loopback(self._listener))
            self._facade = HttpServer(context, options, self._listener, version=version(DISTRIBUTION))
            for host in self._hosts:
                host.listeners, host.metrics = listeners, metrics
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(switches.run(), name="switches")
                compacting = tasks.create_task(self._compact(store), name="compaction of bridge.db")
                charting = tasks.create_task(history.run(), name="charts")
                serving = tasks.create_task(self._facade.run(), name="http")
                yield
                self._facade.stop()
                following.cancel()
                compacting.cancel()
                charting.cancel()
                await asyncio.wait([serving])
                await history.keep()

    async def _compact(self, store: BridgeStore) -> None:
        settings = self._settings
        while True:
            try:
                await store.compact(letters=settings.retention_letters * DAY, audit=settings.retention_audit * DAY)
            except StoreUnusable as error:
                if not error.transient:
                    raise
                _log.warning("Dead letters and audit were not compacted: %s", error)
            await asyncio.sleep(COMPACTION)


def _credentials(settings: BridgeSettings, store: BridgeStore, clock: Clock, limits: HttpLimits) -> Credentials:
    single, secret = settings.api_key, settings.jwt_secret
    return Credentials(
        store.access,
        clock,
        single_key=single.get_secret_value() if single else None,
        jwt_secret=secret.get_secret_value() if secret else None,
        audience=settings.jwt_audience,
        key_cache=limits.key_cache,
    )
