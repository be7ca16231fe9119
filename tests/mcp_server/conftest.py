"""`wa mcp` as a process, before a bridge with a scripted phone; the client is the SDK's own."""

from __future__ import annotations

from tests.http.conftest import side, started

__all__ = ["side", "started"]
