"""Runs what Home Assistant is shown, where WA_HA is on, or was on and left something at the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from bridge.app.host import SessionHost
from bridge.app.limits import BridgeLimits
from bridge.broker import BrokerOptions
from bridge.settings import BridgeSettings

_RECORD = "home_assistant.json"


async def serve_home_assistant(
    settings: BridgeSettings,
    hosts: Callable[[], Iterable[SessionHost]],
    broker: BrokerOptions,
    version: str,
    stopping: asyncio.Event,
    limits: BridgeLimits,
) -> None:
    """Announce the sessions until `stopping` is set, or remove what an earlier run announced; else do nothing."""
    record = settings.data_dir / _RECORD
    if not settings.home_assistant and not record.exists():
        return
    # here, so that a bridge without Home Assistant does not carry it in memory
    from bridge.home_assistant import HomeAssistantPresence, Installation, RetainedTopics

    url = settings.public_url
    if url is None and settings.http_port:
        url = f"http://{settings.http_host}:{settings.http_port}"
    presence = HomeAssistantPresence(
        replace(broker, client_id=f"{broker.client_id}-ha"),
        settings.discovery,
        Installation(settings.topics, version, url, settings.home_assistant_notify),
        (lambda: {host.name: host.view for host in hosts()}) if settings.home_assistant else None,
        RetainedTopics(record),
        stopping=stopping,
        interval=limits.mqtt.figures,
        pause=limits.birth,
    )
    await presence.run()
