"""Reachability of the site, against servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bridge.contract.findings import Finding
from bridge.drivers.web.examination import site
from tests.broker.certificates import make_certificates
from tests.mosquitto_server import free_port
from tests.stream_server import stream_server

Server = Callable[..., AbstractAsyncContextManager[int]]


@asynccontextmanager
async def server(answer: bytes | None, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Answer every request with `answer`; None = never. Yields the port."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.Event().wait()
        writer.write(answer or b"")

    async with stream_server(respond, tls=context) as port:
        yield port


async def found(url: str, **options: float) -> list[Finding]:
    return [finding async for finding in site.site(url, **options)]


async def test_a_response_is_ok_and_its_date_checks_the_clock() -> None:
    answer = b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 05:00:00 GMT\r\n\r\n"
    async with server(answer) as port:
        reached, clock = await found(f"http://127.0.0.1:{port}/", now=1795496403.0)
    assert (reached.level, clock.level) == ("ok", "ok")
    assert "HTTP 200" in reached.what


@pytest.mark.parametrize(("now", "word"), [(1795496400.0 + 90, "ahead of"), (1795496400.0 - 90, "behind")])
def test_a_wrong_clock_is_reported_with_its_direction(now: float, word: str) -> None:
    finding = site.clock("Tue, 24 Nov 2026 05:00:00 GMT", now)
    assert finding.level == "warning"
    assert f"90 s {word}" in finding.what


def test_an_invalid_date_is_a_warning() -> None:
    assert site.clock("yesterday", 0.0).level == "warning"


@pytest.mark.parametrize(
    ("answer", "level", "word"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "fault", "HTTP 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://login.example/\r\n\r\n", "warning", "login.example"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "fault", "not HTTP"),
        (b"", "fault", "not HTTP"),
    ],
)
async def test_unexpected_responses_are_reported(answer: bytes, level: str, word: str) -> None:
    async with server(answer) as port:
        [finding] = await found(f"http://127.0.0.1:{port}/")
    assert finding.level == level
    assert word in finding.what


async def test_a_server_that_never_answers_times_out() -> None:
    async with server(None) as port:
        [finding] = await found(f"http://127.0.0.1:{port}/", step_timeout=0.2)
    assert "sent no response" in finding.what


async def test_a_closed_port() -> None:
    [finding] = await found(f"http://127.0.0.1:{free_port()}/")
    assert finding.level == "fault"
    assert "refuses" in finding.what


async def test_a_name_that_does_not_exist() -> None:
    [finding] = await found("https://no-such-host.invalid/")
    assert finding.level == "fault"
    assert "no-such-host.invalid" in finding.what


async def test_an_untrusted_certificate_is_reported(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.key)
    async with server(b"", context) as port:
        [finding] = await found(f"https://127.0.0.1:{port}/")
    assert finding.level == "fault"
    assert "cannot be trusted" in finding.what
