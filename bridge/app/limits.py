"""Times of a bridge and its sessions, and the free disk that a session needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.core.lease import LeaseTimes
from bridge.core.media_downloads import DownloadLimits
from bridge.http.limits import HttpLimits
from bridge.mqtt import MqttLimits
from bridge.webhooks.limits import WebhookLimits

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class BridgeLimits:
    """All durations are seconds."""

    mqtt: MqttLimits = field(default_factory=MqttLimits)
    http: HttpLimits = field(default_factory=HttpLimits)
    webhooks: WebhookLimits = field(default_factory=WebhookLimits)
    downloads: DownloadLimits = field(default_factory=DownloadLimits)
    lease: LeaseTimes = field(default_factory=LeaseTimes)
    #: Between two deletions of files, and how long a file stays that nothing refers to (an upload, for example).
    media_retention: float = 3600.0
    media_grace: float = 86400.0
    #: For a broker to say who owns a session; then the session starts anyway.
    ownership: float = 30.0
    #: Between two checks of a session that another bridge owns.
    standby: float = 5.0
    #: Between two attempts to start a session that failed.
    retry: float = 15.0
    #: Between two compactions of a store, and a day of retention.
    compaction: float = 3600.0
    day: float = 86400.0
    #: Between Home Assistant's birth and what is published again for it.
    birth: float = 2.0
    #: Between two writes of the charts.
    charts: float = 60.0
    #: Between two checks of the free disk, and the bytes that must be free.
    disk: float = 5.0
    least_free: int = 20 * MEGABYTE
    #: For a session's MQTT and webhooks to end, for the last status of one that could not run, and for all sessions.
    session_end: float = 5.0
    announcement_end: float = 2.0
    sessions_end: float = 20.0
    #: Between two looks at what a sleeping session has to send.
    waking: float = 1.0
    #: How long a session stays awake that has looked for messages and found nothing to do.
    short_look: float = 60.0
    #: For the bridge's own last status.
    status_end: float = 1.0
