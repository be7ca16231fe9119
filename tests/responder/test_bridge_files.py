"""A file of the bridge: TLS is prepared and verified where its address asks for it."""

from __future__ import annotations

import pytest

from responder.bridge_files import fetch
from responder.errors import FileFailed
from tests.loopback import verifications


@pytest.mark.parametrize(("url", "verified"), [("http://127.0.0.1:9/a", []), ("https://127.0.0.1:9/a", [True])])
async def test_authorities_are_read_for_https_only(
    monkeypatch: pytest.MonkeyPatch, url: str, verified: list[bool]
) -> None:
    made = verifications(monkeypatch)
    with pytest.raises(FileFailed, match="cannot be fetched"):
        await fetch(url, 10)
    assert made == verified
