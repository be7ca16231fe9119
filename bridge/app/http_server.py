"""What only HTTP needs, composed. FastAPI and the routes are imported with it: see `bridge.app.facade`."""

from __future__ import annotations

import asyncio
import socket

import jwt
from pydantic import SecretStr

from bridge.app.hosted_sessions import HostedSessions
from bridge.app.limits import BridgeLimits
from bridge.app.media import UPLOADS
from bridge.app.settings_view import SettingsView
from bridge.broker import BrokerAddress
from bridge.core.shared_media import SharedMedia
from bridge.http.agent_sends import AgentSends
from bridge.http.change_signal import ChangeSignal
from bridge.http.context import AppContext
from bridge.http.credentials import Credentials
from bridge.http.guard import AuthOptions
from bridge.http.listener import is_loopback
from bridge.http.log_ring import LogRing
from bridge.http.panel_sessions import PanelSessions
from bridge.http.server import serve
from bridge.http.service_gateway import CAMPAIGNS, RESPONDER, ServiceGateway
from bridge.metrics.charts import ChartRecorder
from bridge.metrics.prometheus import PrometheusMetrics
from bridge.ops.releases import ReleaseWatch
from bridge.ports import BotSwitches, Clock
from bridge.ports.broker_users import BrokerUsers
from bridge.settings import BridgeSettings
from bridge.store import BridgeStore
from bridge.store.uploads import Uploads
from bridge.webhooks.poster import WebhookPoster
from bridge.webhooks.registry import WebhookRegistry

#: Seconds for which the responder takes a token of the bridge.
TOKEN_LIFE = 60.0


async def serve_http(
    settings: BridgeSettings,
    listener: socket.socket,
    store: BridgeStore,
    sessions: HostedSessions,
    media: SharedMedia,
    clock: Clock,
    limits: BridgeLimits,
    *,
    registry: WebhookRegistry,
    poster: WebhookPoster,
    switches: BotSwitches,
    charts: ChartRecorder,
    changes: ChangeSignal,
    counters: PrometheusMetrics,
    owner: str,
    version: str,
    closing: asyncio.Event,
    credentials: Credentials,
    login_link: str | None,
    log: LogRing,
    broker: BrokerAddress,
    broker_users: BrokerUsers | None,
) -> None:
    """Serve on `listener` until `closing`. Raises `StartError` for a façade that others reach and no key protects."""
    logins = PanelSessions(credentials, clock, settings.data_dir)
    if login_link is not None:
        logins.offer(login_link)
    log.hide(_secrets(settings, broker, login_link))
    shared = settings.campaigns_secret or settings.api_key
    campaigns = ServiceGateway(CAMPAIGNS, settings.campaigns_url, lambda: _as_key(shared))
    responder = ServiceGateway(RESPONDER, settings.responder_url, lambda: _of_responder(settings, clock))
    agents = AgentSends(store.proposals, sessions.entries, clock, limits.http)
    releases = ReleaseWatch(settings.releases, version)
    context = AppContext(
        entries=sessions.entries,
        change_sessions=sessions.carry_out,
        owner=owner,
        registry=registry,
        dead_letters=store.webhooks,
        access=store.access,
        agents=agents,
        credentials=credentials,
        logins=logins,
        poster=poster,
        switches=switches,
        media=media,
        uploads=Uploads(settings.data_dir / UPLOADS, media.store, limit=settings.media_limit),
        campaigns=campaigns,
        responder=responder,
        clock=clock,
        charts=charts,
        changes=changes,
        metrics_text=counters.text,
        topics=settings.topics,
        version=version,
        newer=lambda: releases.newer,
        log=log,
        settings=SettingsView(settings, sessions.entries).read,
        broker=broker,
        broker_users=broker_users,
        limits=limits.http,
        closing=closing,
    )
    auth = AuthOptions(settings.http_rate, loopback_only=is_loopback(listener), proxies=settings.http_proxies)
    beside = [
        asyncio.create_task(agents.run(), name="sends of agents"),
        asyncio.create_task(releases.run(), name="newest release"),
    ]
    try:
        await serve(context, auth, listener)
    finally:
        for task in beside:
            task.cancel()
        await campaigns.close()
        await responder.close()


def _secrets(settings: BridgeSettings, broker: BrokerAddress, login_link: str | None) -> list[str]:
    """What must not be in a line of the log that is shown."""
    values = [getattr(settings, name) for name in BridgeSettings.model_fields]
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    passwords = [address.credentials[1] for address in (*settings.addresses, broker)]
    return [secret for secret in (*secrets, *passwords, login_link) if secret]


def _as_key(secret: SecretStr | None) -> dict[str, str]:
    return {"x-api-key": secret.get_secret_value()} if secret else {}


def _of_responder(settings: BridgeSettings, clock: Clock) -> dict[str, str]:
    """The secret or key, or a short-lived token where only that is set; without any it serves this machine."""
    shared = settings.responder_secret or settings.api_key
    if shared is not None or settings.jwt_secret is None:
        return _as_key(shared)
    claims = {"sub": "bridge", "aud": settings.jwt_audience, "exp": clock.now() + TOKEN_LIFE, "scope": "admin"}
    return {"authorization": f"Bearer {jwt.encode(claims, settings.jwt_secret.get_secret_value(), 'HS256')}"}
