"""What only HTTP needs, composed. FastAPI and the routes are imported with it: see `bridge.app.facade`."""

from __future__ import annotations

import asyncio
import socket

from bridge.app.hosted_sessions import HostedSessions
from bridge.app.limits import BridgeLimits
from bridge.app.media import UPLOADS
from bridge.core.shared_media import SharedMedia
from bridge.http.agent_sends import AgentSends
from bridge.http.campaigns_gateway import CampaignsGateway
from bridge.http.context import AppContext
from bridge.http.credentials import Credentials
from bridge.http.guard import AuthOptions
from bridge.http.limits import HttpLimits
from bridge.http.listener import is_loopback
from bridge.http.panel_sessions import PanelSessions
from bridge.http.server import serve
from bridge.metrics.charts import ChartRecorder
from bridge.metrics.prometheus import PrometheusMetrics
from bridge.ports import BotSwitches, Clock
from bridge.settings import BridgeSettings
from bridge.store import BridgeStore
from bridge.store.uploads import Uploads
from bridge.webhooks import WebhookRegistry
from bridge.webhooks.poster import WebhookPoster


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
    counters: PrometheusMetrics,
    owner: str,
    version: str,
    closing: asyncio.Event,
    login_link: str | None,
    responder_url: str | None,
) -> None:
    """Serve on `listener` until `closing`. Raises `StartError` for a façade that others reach and no key protects."""
    credentials = _credentials(settings, store, clock, limits.http)
    logins = PanelSessions(credentials, clock, settings.data_dir)
    if login_link is not None:
        logins.offer(login_link)
    campaigns = CampaignsGateway(settings.campaigns_url, settings.campaigns_secret or settings.api_key)
    agents = AgentSends(store.proposals, sessions.entries, clock)
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
        clock=clock,
        charts=charts,
        metrics_text=counters.text,
        topics=settings.topics,
        responder_url=responder_url,
        version=version,
        limits=limits.http,
        closing=closing,
    )
    auth = AuthOptions(settings.http_rate, loopback_only=is_loopback(listener), proxies=settings.http_proxies)
    approved = asyncio.create_task(agents.run(), name="sends of agents")
    try:
        await serve(context, auth, listener)
    finally:
        approved.cancel()
        await campaigns.close()


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
