"""Requests that may take minutes: they go on without who asked, and say how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from bridge.contract.errors import Conflict
from bridge.contract.requests import Request
from bridge.contract.responses import RequestProgress, Response

LongCarryOut = Callable[[Request, Callable[[int, int], None]], Coroutine[Any, Any, Response]]


@dataclass(eq=False, slots=True)
class LongRun:
    """A request that is being carried out."""

    request: Request
    task: asyncio.Task[Response] = field(init=False)
    progress: RequestProgress | None = None

    def report(self, done: int, total: int) -> None:
        """Note how far it is."""
        self.progress = RequestProgress(done=done, total=total)


class LongRequests:
    """The long requests of one session. One that is asked for again under its id while it runs is joined."""

    def __init__(self, carry_out: LongCarryOut) -> None:
        self._carry_out = carry_out
        self._running: dict[str, LongRun] = {}

    def begin(self, request: Request) -> LongRun:
        """Begin it, or join the one that runs under its id. Raises `Conflict` where that has other content."""
        running = self._running.get(str(request.id))
        if running is not None:
            if running.request.content_hash != request.content_hash:
                raise Conflict("Another request runs under this id. Use a new id.")
            return running
        run = LongRun(request)
        run.task = asyncio.create_task(self._carry_out(request, run.report), name=f"request {request.id}")
        self._running[str(request.id)] = run
        run.task.add_done_callback(lambda _: self._running.pop(str(request.id)))
        return run

    async def end(self) -> None:
        """Stop all of them."""
        tasks = [run.task for run in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
