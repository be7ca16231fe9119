"""The responder beside the campaigns, over HTTP: TLS is prepared and verified where the address asks for it."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from campaigns.responder_http import ResponderHttp


@pytest.mark.parametrize(("url", "verified"), [("http://127.0.0.1:9", []), ("https://127.0.0.1:9", [True])])
async def test_authorities_are_read_for_https_only(
    monkeypatch: pytest.MonkeyPatch, url: str, verified: list[bool]
) -> None:
    made: list[bool] = []
    original = ssl.create_default_context

    def counted(*given: Any, **more: Any) -> ssl.SSLContext:
        context = original(*given, **more)
        made.append(context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname)
        return context

    monkeypatch.setattr(ssl, "create_default_context", counted)
    assert await ResponderHttp(url, None).opted_out() is None
    assert made == verified
