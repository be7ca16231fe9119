"""The phone's live feed: what changed, pushed to the page at `/phone`."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.sandbox.changes import AckRaised, Act, Change, MessageArrived
from bridge.sandbox.views import message_view, state_view
from bridge.sandbox.world import World


class PhoneSocket:
    """The feed of one open phone page: single messages as they arrive, and the rest of the state on every change."""

    def __init__(self, world: World, socket: WebSocket) -> None:
        self._world = world
        self._socket = socket
        self._messages: list[dict[str, Any]] = []
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Feed the page until it closes."""
        await self._socket.accept()
        self._world.listeners.append(self.on_change)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(), name="sandbox phone writer")
                try:
                    while True:
                        await self._socket.receive_text()
                finally:
                    writer.cancel()
        except* WebSocketDisconnect:
            pass
        finally:
            self._world.listeners.remove(self.on_change)

    def on_change(self, change: Change) -> None:
        """Queue what has to be pushed."""
        if isinstance(change, MessageArrived | AckRaised | Act):
            self._messages.append(message_view(change.message).model_dump(mode="json"))
        self._changed.set()

    async def _write(self) -> None:
        """One frame for all changes in the meantime, so that a burst does not become a thousand frames."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            messages, self._messages = self._messages, []
            state = state_view(self._world, 0).model_dump(mode="json")
            await self._socket.send_json({"messages": messages, "state": state})
            await asyncio.sleep(0.05)
