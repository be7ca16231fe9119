"""The limits of a server within the open files of its process."""

from __future__ import annotations

import logging
import resource

import pytest

from bridge.asgi.limits import ServerLimits
from bridge.asgi.server import EmbeddedServer


async def _app(scope: object, receive: object, send: object) -> None: ...


@pytest.mark.parametrize(("connections", "warned"), [(100, 0), (2000, 1)])
def test_only_fewer_connections_are_worth_a_warning(
    connections: int, warned: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    with caplog.at_level(logging.WARNING):
        EmbeddedServer.of(_app, ServerLimits(connections=connections))
    assert len([record for record in caplog.records if "HTTP takes" in record.message]) == warned
