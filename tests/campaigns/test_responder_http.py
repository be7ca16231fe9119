"""The responder beside the campaigns, over HTTP: TLS is prepared and verified where the address asks for it."""

from __future__ import annotations

import pytest

from campaigns.responder_http import ResponderHttp
from tests.loopback import verifications


@pytest.mark.parametrize(("url", "verified"), [("http://127.0.0.1:9", []), ("https://127.0.0.1:9", [True])])
async def test_authorities_are_read_for_https_only(
    monkeypatch: pytest.MonkeyPatch, url: str, verified: list[bool]
) -> None:
    made = verifications(monkeypatch)
    assert await ResponderHttp(url, None).opted_out() is None
    assert made == verified
