"""The legacy bot-responder as its bridge saw it: an axios client that registers once, a webhook, answers by send.

Written from its behaviour: it registers at start, tries again until it succeeded once and then never more, answers the
webhook before it works, replies to `from` as it came, and unregisters at SIGTERM.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import httpx

from tests.http.receiver import Receiver
from tests.loopback import http_client

#: What axios sends with every request.
AXIOS = {"Accept": "application/json, text/plain, */*", "User-Agent": "axios/1.6.8", "Accept-Encoding": "gzip, br"}


class LegacyResponder:
    """Answers every text with `Eco: <text>`. An `async with`: leaving it is SIGTERM."""

    def __init__(self, bridge_url: str, *, port: int = 0, every: float = 0.1) -> None:
        self.webhook = Receiver()
        self.webhook.port = port
        self.answers: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.registered = asyncio.Event()
        self._bridge_url = bridge_url
        self._every = every
        self._running: list[asyncio.Task[None]] = []

    @property
    def callback(self) -> dict[str, str]:
        return {"callbackUrl": self.webhook.url}

    async def __aenter__(self) -> Self:
        await self.webhook.start()
        self._axios = http_client(self._bridge_url, headers=AXIOS, timeout=None)
        self._running = [
            asyncio.create_task(self._register(), name="legacy register"),
            asyncio.create_task(self._work(), name="legacy work"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running)
        with suppress(httpx.TransportError):  # the bridge is away, and this one does not wait
            await self._axios.post("/api/whatsapp/unregister-listener", json=self.callback)
        await self._axios.aclose()
        await self.webhook.stop()

    async def crash(self) -> None:
        """End without unregistering: kill -9."""
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running)
        await self.webhook.stop()

    async def _register(self) -> None:
        while True:
            try:
                answer = await self._axios.post("/api/whatsapp/register-listener", json=self.callback)
                if answer.is_success:
                    self.registered.set()
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(self._every)

    async def _work(self) -> None:
        done = 0
        while True:
            posts = await self.webhook.got(done + 1, within=3600)
            message = posts[done].json
            done += 1
            if message["type"] != "chat" or not message["body"].strip():
                continue
            reply = {"to": message["from"], "message": f"Eco: {message['body']}"}
            try:
                answer = await self._axios.post("/api/whatsapp/send", json=reply)
            except httpx.TransportError:  # the bridge was killed meanwhile; it logs that and goes on
                continue
            if answer.is_success:
                self.answers.append(answer.json())
            else:
                self.failures.append(answer.status_code)
