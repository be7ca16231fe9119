"""The steps at which a bridge can be made to die, and how: SIGKILL to itself the next time it passes there.

Only the chaos rig's own program wraps these calls, so that the product holds no hook for it. A death is armed by a
file that names the step; the file is gone when the process is.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any


class Step(StrEnum):
    """Where the bridge dies, named by what is done and what is not."""

    JOURNALLED = "journalled, not published"
    PUBLISHED = "published, no PUBACK yet"
    CURSOR = "PUBACK here, cursor not moved"
    CLAIMED = "claimed, not acknowledged"
    RESERVED = "message id reserved"
    STORED = "stored as sending, call not made"
    CALL_LEFT = "call left, no answer"
    SENT = "sent, result not written"
    TOLD = "result written, not published"


class Deaths:
    """Wraps the calls in this process. `path` is the file that arms a death."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def install(self) -> None:
        """Wrap every step's call."""
        from bridge.broker import BrokerConnection
        from bridge.broker.client import MqttClient
        from bridge.drivers.web import WebDriver
        from bridge.store.journal import SqliteJournal
        from bridge.store.outbox import SqliteOutbox

        self._after(SqliteJournal, "append", Step.JOURNALLED)
        self._before(SqliteJournal, "move_cursor", Step.CURSOR)
        self._before(SqliteOutbox, "published", Step.TOLD)
        self._after(WebDriver, "reserve", Step.RESERVED)
        self._before(WebDriver, "send", Step.STORED)
        self._after(WebDriver, "send", Step.SENT)
        self._during(WebDriver, "send", Step.CALL_LEFT)
        publish, acknowledge = MqttClient.start_publish, BrokerConnection.acknowledge

        def start_publish(client: Any, topic: str, *rest: Any) -> Any:
            answer = publish(client, topic, *rest)
            if topic.endswith("/in"):
                self.pass_by(Step.PUBLISHED)
            return answer

        def acknowledged(connection: Any, delivery: Any) -> None:
            if "/out" in delivery.topic:
                self.pass_by(Step.CLAIMED)
            acknowledge(connection, delivery)

        setattr(MqttClient, "start_publish", start_publish)  # noqa: B010 - a wrap, as the others
        setattr(BrokerConnection, "acknowledge", acknowledged)  # noqa: B010

    def pass_by(self, step: Step) -> None:
        """Die here if that was asked for."""
        if self._armed(step):
            self._path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def _armed(self, step: Step) -> bool:
        try:
            return self._path.read_text() == step
        except FileNotFoundError:
            return False

    def _before(self, owner: type, name: str, step: Step) -> None:
        self._wrap(owner, name, lambda: self.pass_by(step), lambda: None)

    def _after(self, owner: type, name: str, step: Step) -> None:
        self._wrap(owner, name, lambda: None, lambda: self.pass_by(step))

    def _wrap(self, owner: type, name: str, before: Callable[[], None], after: Callable[[], None]) -> None:
        original = getattr(owner, name)

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            before()
            result = await original(*args, **kwargs)
            after()
            return result

        setattr(owner, name, wrapped)

    def _during(self, owner: type, name: str, step: Step) -> None:
        """Some milliseconds after the call has begun: before, while or after the page does it."""
        original = getattr(owner, name)

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self._armed(step):
                moment = int.from_bytes(os.urandom(1)) / 255 * 0.06
                asyncio.get_running_loop().call_later(moment, self.pass_by, step)
            return await original(*args, **kwargs)

        setattr(owner, name, wrapped)
