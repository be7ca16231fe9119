"""Every answer of a receiver ends in an outcome, and so does a fault of the poster itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.ports import Failure, PostAnswer
from bridge.webhooks.callback_url import CallbackRules
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.poster import WebhookPoster, retry_after_seconds
from bridge.webhooks.retry_policy import PostVerdict, judge
from tests.stream_server import stream_server


@pytest.fixture
async def poster() -> AsyncIterator[WebhookPoster]:
    async with WebhookPoster(CallbackRules.parse("loopback"), own_port=None, timeout=2) as poster:
        yield poster


async def answered(poster: WebhookPoster, answer: bytes) -> tuple[int | None, Failure | None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with stream_server(serve) as port:
        outcome = await poster.post(f"http://127.0.0.1:{port}/", b"{}", {})
    return outcome.status, outcome.failure


@given(st.one_of(st.binary(max_size=80), st.from_regex(rb"\d{1,3} [A-Z][a-z]{2} \d{1,20} \d\d:\d\d:\d\d.{0,8}")))
@example(b"1 Jan 10000000000000 00:00:00 GMT")
@example(b"Thu, 31 Dec 9999 23:59:59 -2359")
@example(b"9" * 5000)
@example(b"-1")
@example("²".encode())
def test_every_retry_after_is_seconds_or_nothing(header: bytes) -> None:
    seconds = retry_after_seconds(header)
    assert seconds is None or 0 <= seconds < 1e12


@pytest.mark.parametrize(
    ("answer", "status", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nRetry-After: 1 Jan 10000000000000 00:00:00\r\nContent-Length: 0\r\n\r\n", 200, None),
        (b"HTTP/1.1 099 OK\r\n\r\n", None, Failure.BROKEN_OFF),
        (b"HTTP/1.1 2000 OK\r\n\r\n", None, Failure.BROKEN_OFF),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nconnection: upgrade\r\n\r\n", None, Failure.BROKEN_OFF),
        (b"\x00" * 200_000, None, Failure.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345", None, Failure.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", None, Failure.BROKEN_OFF),
        (b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 0\r\n\r\n", 200, None),
    ],
    ids=["date", "099", "2000", "upgrade", "zeros", "two lengths", "gzip", "reason"],
)
async def test_every_answer_has_an_outcome(
    poster: WebhookPoster, answer: bytes, status: int | None, failure: Failure | None
) -> None:
    assert await answered(poster, answer) == (status, failure)


async def test_an_exception_of_the_poster_is_a_failure_that_is_shown(
    poster: WebhookPoster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_: bytes | None) -> float:
        raise LookupError

    monkeypatch.setattr("bridge.webhooks.poster.retry_after_seconds", fault)
    outcome = await answered(poster, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert outcome == (None, Failure.INTERNAL)


def test_an_item_that_always_fails_here_becomes_a_dead_letter() -> None:
    fault, limits = PostAnswer(failure=Failure.INTERNAL), WebhookLimits()
    assert judge(fault, limits.server_errors - 1, limits) is PostVerdict.RETRY
    assert judge(fault, limits.server_errors, limits) is PostVerdict.REFUSED
