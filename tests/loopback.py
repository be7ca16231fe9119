"""HTTP to servers on loopback."""

from __future__ import annotations

from typing import Any

import httpx


def http_client(base_url: str = "", **options: Any) -> httpx.AsyncClient:
    """A client without a proxy, and without the authorities of TLS, whose reading took 20 ms of CPU for each client."""
    return httpx.AsyncClient(base_url=base_url, trust_env=False, verify=False, **options)
