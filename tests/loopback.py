"""HTTP to servers on loopback."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest

#: Seconds for an answer. No test claims that one comes so fast; httpx has 5, and a loaded machine took longer to
#: create the tables of a new database.
TIMEOUT = 30


def http_client(base_url: str = "", **options: Any) -> httpx.AsyncClient:
    """A client without a proxy, and without the authorities of TLS, whose reading took 20 ms of CPU for each client."""
    return httpx.AsyncClient(base_url=base_url, trust_env=False, verify=False, **{"timeout": TIMEOUT, **options})


def verifications(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each TLS context that is made with the authorities, from now on, verifies the server."""
    made: list[bool] = []
    original = ssl.create_default_context

    def counted(*given: Any, **more: Any) -> ssl.SSLContext:
        context = original(*given, **more)
        made.append(context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname)
        return context

    monkeypatch.setattr(ssl, "create_default_context", counted)
    return made
