"""Limits of the HTTP server, with their defaults. Tests pass other values."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.asgi.limits import BodyLimits, ServerLimits

#: Bytes of a plan: ten thousand named recipients.
LARGEST_PLAN = 8_000_000


@dataclass(frozen=True, slots=True)
class CampaignHttpLimits:
    """Times in seconds; `upload` in bytes, `upload_pause` between two parts of a file."""

    server: ServerLimits = field(default_factory=lambda: ServerLimits(connections=100, shutdown_timeout=2))
    body: BodyLimits = field(default_factory=lambda: BodyLimits(size=LARGEST_PLAN, timeout=30.0))
    upload: int = 100_000_000
    upload_pause: float = 30.0
