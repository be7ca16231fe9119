"""Prepares the files of commands before their turn: each in a task of its own, tried again where that may help."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bridge.contract.errors import BridgeError, Expired, InternalError, MediaUnavailable
from bridge.core.in_doubt import InDoubt
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.pacing import Schedule
from bridge.ports import Clock, FileNotFetched, MediaUnusable, Outbox, OutboxRow, StoreUnusable

_log = logging.getLogger(__name__)
#: Why a command failed whose first try was still running when it expired.
_TOO_SLOW = (
    "The file did not come within the command's time to live."
    " Give it a longer ttl, or upload the file first (POST /v1/media)."
)


class FilePreparation:
    """The files of one session's commands. No chat waits for the file of another."""

    def __init__(
        self,
        session: str,
        files: PreparesFiles,
        outbox: Outbox,
        schedule: Schedule,
        in_doubt: InDoubt,
        clock: Clock,
        *,
        fail: Callable[[OutboxRow, BridgeError], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        """`fail` stores that a row was not sent; `wake` is called when a row may go."""
        self._session = session
        self._files = files
        self._outbox = outbox
        self._schedule = schedule
        self._in_doubt = in_doubt
        self._clock = clock
        self._fail = fail
        self._wake = wake
        self._not_fetched: dict[int, str] = {}  # number -> why its file could not be prepared yet

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with those whose turn it is."""
        while (row := self._schedule.next_to_prepare(self._clock.monotonic())) is not None:
            tasks.create_task(self._prepare(row), name=f"file of {self._session} {row.claim.id}")

    def expiry_of(self, row: OutboxRow) -> BridgeError:
        """Why a row that waited too long was not sent."""
        why = self._not_fetched.pop(row.number, None)
        return Expired() if why is None else MediaUnavailable(why)

    async def _prepare(self, row: OutboxRow) -> None:
        self._not_fetched.setdefault(row.number, _TOO_SLOW)
        try:
            content = await self._files.prepare(row.claim.content)
            row = await self._outbox.replace_content(row.number, content)
        except (FileNotFetched, MediaUnusable) as error:
            _log.info("%s: %s waits for its file: %s", self._session, row.claim.id, error.text)
            if self._schedule.is_queued(row):
                self._not_fetched[row.number] = error.text
                self._schedule.prepare_later(row, self._clock.monotonic() + self._in_doubt.pause(row))
            else:
                self._settled(row)
        except StoreUnusable:
            raise
        except Exception as error:  # noqa: BLE001 - nothing was sent: a failure, not a doubt
            if not isinstance(error, BridgeError):
                _log.exception("%s: the file of %s could not be prepared", self._session, row.claim.id)
            if self._schedule.is_queued(row):
                self._schedule.drop(row)
                await self._fail(row, error if isinstance(error, BridgeError) else InternalError())
            self._settled(row)
        else:
            self._settled(row)
            self._schedule.prepared(row)
        self._wake()

    def _settled(self, row: OutboxRow) -> None:
        self._not_fetched.pop(row.number, None)
        self._in_doubt.settle(row)
