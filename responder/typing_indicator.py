"""Shows the customer that an answer is being written, while the model thinks. A sign; its loss is no fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from responder.outgoing import AnswerSink

#: Seconds for which it is shown at a time, and after which it is shown again: a responder that dies lets it fade.
SHOWN, AGAIN = 15.0, 10.0


class TypingIndicator:
    def __init__(self, outlet: AnswerSink) -> None:
        self._outlet = outlet

    @asynccontextmanager
    async def shown(self, session: str, chat: str) -> AsyncIterator[None]:
        """Show it while the block runs."""
        showing = asyncio.create_task(self._keep_showing(session, chat), name="typing")
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait([showing])
            await self._outlet.show_typing(session, chat, 0)

    async def _keep_showing(self, session: str, chat: str) -> None:
        while True:
            await self._outlet.show_typing(session, chat, SHOWN)
            await asyncio.sleep(AGAIN)
