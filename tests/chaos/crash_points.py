"""Crash points of the bridge: the process sends itself SIGKILL the next time it reaches an armed step.

Only the chaos rig's program wraps these calls; the product has no hook for it. A file that names the step arms the
crash, and is deleted at the crash.
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
    """A step, named by what is done and what is not."""

    JOURNALLED = "journalled, not published"
    PUBLISHED = "published, no PUBACK yet"
    CURSOR = "PUBACK received, cursor not moved"
    CLAIMED = "claimed, not acknowledged"
    RESERVED = "message id reserved"
    STORED = "stored as sending, call not made"
    CALL_MADE = "call made, no answer"
    SENT = "sent, result not written"
    RESULT_STORED = "result written, not published"
    FILE_BEGUN = "download of a file counted, not begun"
    FILE_SAVED = "file saved by the browser, not stored"
    FILE_HASHED = "file hashed, not in its place"
    FILE_STORED = "file stored, not reported"
    FILE_REPORTED = "file reported in the store, not published"
    EVENT_PUBLISHED = "event published, no PUBACK yet"
    FILE_TAKEN = "file of a command stored, not ready"
    FILE_READY = "file of a command ready, not sent"
    FILE_IN_PAGE = "file in the page, call not made"


class CrashPoints:
    """Wraps the calls in this process. `path` is the file that arms a crash."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def install(self) -> None:
        """Wrap the call of every step."""
        from bridge.broker import BrokerConnection
        from bridge.broker.client import MqttClient
        from bridge.drivers.web import WebDriver
        from bridge.drivers.web.web_page import WebPage
        from bridge.store import media_files
        from bridge.store.journal import SqliteJournal
        from bridge.store.media_files import MediaFiles
        from bridge.store.media_queue import SqliteMediaQueue
        from bridge.store.outbox import SqliteOutbox

        self._after(SqliteJournal, "append", Step.JOURNALLED)
        self._before(SqliteJournal, "move_cursor", Step.CURSOR)
        self._before(SqliteOutbox, "published", Step.RESULT_STORED)
        self._after(WebDriver, "reserve", Step.RESERVED)
        self._before(WebDriver, "send", Step.STORED)
        self._after(WebDriver, "send", Step.SENT)
        self._during(WebDriver, "send", Step.CALL_MADE)
        self._after(SqliteMediaQueue, "begin", Step.FILE_BEGUN)
        self._before(MediaFiles, "adopt", Step.FILE_SAVED)
        self._after(MediaFiles, "adopt", Step.FILE_STORED)
        self._after(SqliteMediaQueue, "finish", Step.FILE_REPORTED)
        self._after(MediaFiles, "add", Step.FILE_TAKEN)
        self._after(SqliteOutbox, "replace_content", Step.FILE_READY)
        self._after(WebPage, "put_file", Step.FILE_IN_PAGE)
        publish, acknowledge, digest_of = MqttClient.start_publish, BrokerConnection.acknowledge, media_files.digest_of

        def start_publish(client: Any, topic: str, *rest: Any) -> Any:
            answer = publish(client, topic, *rest)
            if topic.endswith("/in"):
                self.reach(Step.PUBLISHED)
            elif topic.endswith("/event"):
                self.reach(Step.EVENT_PUBLISHED)
            return answer

        def digested(path: Path) -> str:
            digest = digest_of(path)
            self.reach(Step.FILE_HASHED)
            return digest

        def acknowledged(connection: Any, delivery: Any) -> None:
            if "/out" in delivery.topic:
                self.reach(Step.CLAIMED)
            acknowledge(connection, delivery)

        setattr(MqttClient, "start_publish", start_publish)  # noqa: B010 - a wrapper
        setattr(BrokerConnection, "acknowledge", acknowledged)  # noqa: B010
        setattr(media_files, "digest_of", digested)  # noqa: B010

    def reach(self, step: Step) -> None:
        """Crash if this step is armed."""
        if self._armed(step):
            self._path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def _armed(self, step: Step) -> bool:
        try:
            return self._path.read_text() == step
        except FileNotFoundError:
            return False

    def _before(self, owner: type, name: str, step: Step) -> None:
        self._wrap(owner, name, lambda: self.reach(step), lambda: None)

    def _after(self, owner: type, name: str, step: Step) -> None:
        self._wrap(owner, name, lambda: None, lambda: self.reach(step))

    def _wrap(self, owner: type, name: str, before: Callable[[], None], after: Callable[[], None]) -> None:
        original = getattr(owner, name)

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            before()
            result = await original(*args, **kwargs)
            after()
            return result

        setattr(owner, name, wrapped)

    def _during(self, owner: type, name: str, step: Step) -> None:
        """Crash up to 60 ms after the call starts: before, while or after the page executes it."""
        original = getattr(owner, name)

        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self._armed(step):
                delay = int.from_bytes(os.urandom(1)) / 255 * 0.06
                asyncio.get_running_loop().call_later(delay, self.reach, step)
            return await original(*args, **kwargs)

        setattr(owner, name, wrapped)
