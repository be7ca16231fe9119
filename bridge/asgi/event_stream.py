"""A response without an end: it ends with the credential of its request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override


class EventStreamResponse(StreamingResponse):
    """Server-sent events. `still_valid` is asked every `recheck` seconds; the answer False ends the response."""

    def __init__(self, events: AsyncIterator[str], still_valid: Callable[[], Awaitable[bool]], recheck: float) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._still_valid = still_valid
        self._recheck = recheck

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
            await _cancel(streaming)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
