"""A response without an end: it ends with the credential of its request, and each caller has a share of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from bridge.asgi.limits import StreamLimits


class OpenStreams:
    """The open streams of a server."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._of: Counter[str] = Counter()
        self._open = 0

    def open(self, names: Collection[str], *, admin: bool) -> Callable[[], None] | None:
        """Count a stream; returns what ends it, None where there is no room. Each of `names` has a share."""
        limits = self._limits
        room = limits.total - (0 if admin else limits.reserve)
        if self._open >= room or any(self._of[name] >= limits.share for name in names):
            return None
        self._of.update(names)
        self._open += 1

        def ended() -> None:
            self._open -= 1
            self._of.subtract(names)
            self._of += Counter()  # forgets those that have none

        return ended


class EventStreamResponse(StreamingResponse):
    """Server-sent events. `still_valid` is asked every `recheck` seconds; the answer False ends the response.

    `ended` is called at the end in any case.
    """

    def __init__(
        self,
        events: AsyncIterator[str],
        still_valid: Callable[[], Awaitable[bool]],
        recheck: float,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._still_valid = still_valid
        self._recheck = recheck
        self._ended = ended

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streaming = asyncio.create_task(super().__call__(scope, receive, send), name="event stream")
        try:
            while not (await asyncio.wait([streaming], timeout=self._recheck))[0]:
                if not await self._still_valid():
                    await _cancel(streaming)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
            await streaming
        finally:
            self._ended()
            await _cancel(streaming)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
