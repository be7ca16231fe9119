"""Limits of the HTTP surface, with their defaults. Tests pass other values."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.asgi.limits import BodyLimits, ServerLimits, StreamLimits


@dataclass(frozen=True, slots=True)
class SurfaceLimits:
    """Times in seconds. `streams` of changes, one for each open page; `ping` keeps a quiet stream open.

    `recheck`: between two checks of the credential of an open stream.
    """

    server: ServerLimits = field(default_factory=lambda: ServerLimits(connections=400, shutdown_timeout=2))
    body: BodyLimits = field(default_factory=lambda: BodyLimits(timeout=15.0))
    streams: StreamLimits = field(default_factory=lambda: StreamLimits(share=50, reserve=0))  # one key opens all pages
    ping: float = 15.0
    recheck: float = 0.9
