"""The webhook workers of one session: one per webhook while the session's store is open.

The registry says which webhooks exist; workers are started, restarted and closed to match it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.contract.messages import Stream
from bridge.ports import Journal, Position, StoreUnusable
from bridge.webhooks.delivery import DeliveryContext, WebhookHealth, WebhookWorker
from bridge.webhooks.page_cache import PageCache

if TYPE_CHECKING:
    from bridge.webhooks.registry import WebhookRegistry

_log = logging.getLogger(__name__)


class SessionDeliveries:
    """Runs a `WebhookWorker` for each active webhook of a session. `run` ends after `close`, once posts have ended."""

    def __init__(self, registry: WebhookRegistry, session: str, journal: Journal, context: DeliveryContext) -> None:
        self.session = session
        self.journal = journal
        self._registry = registry
        self._pages = PageCache(session, journal, context.limits, context.turns)
        self._context = context
        self._workers: dict[str, tuple[WebhookWorker, asyncio.Task[None]]] = {}
        self._health: dict[str, WebhookHealth] = {}
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def end(self) -> Position:
        """The position after everything that is journalled."""
        bounds = self.journal.bounds
        return Position(self.journal.epoch, bounds(Stream.IN).last, bounds(Stream.EVENT).last)

    def close(self) -> None:
        self._closing.set()
        self._changed.set()

    def refresh(self) -> None:
        """Read the registry again: a webhook was added, changed or ended."""
        self._changed.set()

    def wake(self, webhook_id: str) -> None:
        """End the pause of a webhook: try at once."""
        if webhook_id in self._workers:
            self._workers[webhook_id][0].wake()

    def health(self, webhook_id: str) -> WebhookHealth | None:
        """The state of a webhook; None until a worker ran for it."""
        return self._health.get(webhook_id)

    async def run(self) -> None:
        """Deliver until `close`. Raises what the journal raises."""
        # Before the first await: webhooks that start at "now" get everything that is journalled from here on.
        await self._registry.attach(self)
        try:
            async with asyncio.TaskGroup() as tasks:
                announcing = tasks.create_task(self._pages.run(), name=f"new items of {self.session} for webhooks")
                while not self._closing.is_set():
                    self._changed.clear()
                    self._match_registry(tasks)
                    await self._remove_ended()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._context.limits.poll):
                            await self._changed.wait()
                for worker, _ in self._workers.values():
                    worker.close()
                announcing.cancel()
        finally:
            self._registry.detach(self)

    def _match_registry(self, tasks: asyncio.TaskGroup) -> None:
        registered = {webhook.id: webhook for webhook in self._registry.active(self.session) if webhook.delivering}
        for webhook_id, (worker, task) in list(self._workers.items()):
            if task.done():
                del self._workers[webhook_id]
            elif registered.get(webhook_id) != worker.webhook:
                worker.close()
        for webhook_id, webhook in registered.items():
            if webhook_id not in self._workers:  # a worker that is closing ends first: two would post an item twice
                health = self._health.setdefault(webhook_id, WebhookHealth(self._context.limits.open_after))
                worker = WebhookWorker(webhook, self.journal, self._pages, self._context, health)
                task = tasks.create_task(self._run(worker), name=webhook.reader)
                task.add_done_callback(lambda _: self._changed.set())
                self._workers[webhook_id] = worker, task

    async def _run(self, worker: WebhookWorker) -> None:
        """Run a worker. Its internal errors end neither the session nor the other workers."""
        try:
            await worker.run()
        except* StoreUnusable:
            raise
        except* Exception:  # noqa: BLE001 - logged with its traceback; a new worker is started after the wait
            _log.exception("%s: internal error; deliveries restart in a while", worker.webhook.reader)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._context.limits.poll):
                    await self._closing.wait()

    async def _remove_ended(self) -> None:
        try:
            for webhook in await self._registry.remove_ended(self.session):
                await self.journal.forget_cursor(webhook.reader)
                self._health.pop(webhook.id, None)
        except StoreUnusable as error:
            _log.error("%s: unregistered webhooks could not be removed: %s", self.session, error)
