"""The body of a request: within a size and a time, whether its length was announced or not."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from bridge.asgi.body import read_body
from bridge.asgi.limits import BodyLimits

LIMITS = BodyLimits(size=4, timeout=0.05, discarded=8)


def receiving(*pieces: bytes, ends: bool = True) -> tuple[Receive, list[Message]]:
    """A `receive` that delivers the pieces and then, unless it `ends`, nothing; and the messages that are left."""
    left: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        left[-1]["more_body"] = False

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive, left


async def test_a_body_is_handed_on_whole() -> None:
    receive, left = receiving(b"{", b"}")
    left.append({"type": "http.disconnect"})
    replay = await read_body(receive, LIMITS)
    assert await replay() == {"type": "http.request", "body": b"{}", "more_body": False}
    assert await replay() == {"type": "http.disconnect"}


async def test_a_client_that_disconnects_is_seen_by_the_route() -> None:
    receive, left = receiving(b"{", ends=False)
    left.append({"type": "http.disconnect"})
    assert await (await read_body(receive, LIMITS))() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("pieces", "unread"),
    [([b"123", b"45"], 0), ([b"1234", b"5678", b"9", b"never read"], 1)],
    ids=["discarded", "beyond what is discarded"],
)
async def test_a_body_that_is_too_large_is_refused(pieces: list[bytes], unread: int) -> None:
    receive, left = receiving(*pieces)
    with pytest.raises(HTTPException) as refused:
        await read_body(receive, LIMITS)
    assert refused.value.status_code == 413
    assert len(left) == unread


async def test_a_body_announced_as_far_too_large_is_not_read() -> None:
    receive, left = receiving(b"1")
    with pytest.raises(HTTPException) as refused:
        await read_body(receive, LIMITS, announced="9")
    assert refused.value.status_code == 413
    assert len(left) == 1


async def test_a_body_that_trickles_times_out() -> None:
    receive, _ = receiving(b"{", ends=False)
    with pytest.raises(HTTPException) as refused:
        await read_body(receive, LIMITS)
    assert refused.value.status_code == 408
