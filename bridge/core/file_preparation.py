"""Prepares the files of commands before their turn: each in a task of its own, tried again where that may help."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bridge.contract.errors import BridgeError, CodedError, Expired, InternalError, MediaUnavailable
from bridge.core.in_doubt import InDoubt
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.pacing import Schedule
from bridge.core.results import notice, result_of
from bridge.core.send_waits import SendWaits
from bridge.ports import Clock, FileNotFetched, MediaUnusable, Outbox, OutboxRow, StoreUnusable

_log = logging.getLogger(__name__)
#: Seconds of failed tries, while WhatsApp can be reached, after which a URL is given up: its chat waits behind it.
GIVE_UP = 120.0
#: Why a command failed whose first try was still running when it expired.
_TOO_SLOW = (
    "The file did not come within the command's time to live."
    " Give it a longer ttl, or upload the file first (POST /v1/media)."
)
_WHAT_TO_DO = "Check the URL, or upload the file first (POST /v1/media)."


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
        waits: SendWaits,
        *,
        fail: Callable[[OutboxRow, BridgeError], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        """`waits` says why a row waits; `fail` stores that it was not sent; `wake` is called when it may go."""
        self._session = session
        self._files = files
        self._outbox = outbox
        self._schedule = schedule
        self._in_doubt = in_doubt
        self._clock = clock
        self._fail = fail
        self._wake = wake
        self._waits = waits
        self._said: dict[int, str] = {}  # number -> the last reason that was published
        self._dead_since: dict[int, float] = {}  # number -> the first failed try of its URL, monotonic

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin with those whose turn it is."""
        while (row := self._schedule.next_to_prepare(self._clock.monotonic())) is not None:
            tasks.create_task(self._prepare(row), name=f"file of {self._session} {row.claim.id}")

    def expiry_of(self, row: OutboxRow) -> BridgeError:
        """Why a row that waited too long was not sent."""
        why = self._waits.not_prepared.get(row.number)
        self._forget(row)
        return Expired() if why is None else _unavailable(why)

    async def _prepare(self, row: OutboxRow) -> None:
        self._waits.not_prepared.setdefault(row.number, MediaUnavailable(_TOO_SLOW))
        try:
            content = await self._files.prepare(row.claim.content)
            row = await self._outbox.replace_content(row.number, content)
        except (FileNotFetched, MediaUnusable) as error:
            _log.info("%s: %s waits for its file: %s", self._session, row.claim.id, error.text)
            if self._is_dead(row, error):
                await self._end(row, _unavailable(error))
            elif self._schedule.is_queued(row):
                await self._try_later(row, error)
            else:
                self._settled(row)
        except StoreUnusable:
            raise
        except Exception as error:  # noqa: BLE001 - nothing was sent: a failure, not a doubt
            if not isinstance(error, BridgeError):
                _log.exception("%s: the file of %s could not be prepared", self._session, row.claim.id)
            await self._end(row, error if isinstance(error, BridgeError) else InternalError())
        else:
            self._settled(row)
            self._schedule.prepared(row)
        self._wake()

    def _is_dead(self, row: OutboxRow, error: CodedError) -> bool:
        """Whether a URL has failed for long enough. An outage that WhatsApp has too does not count."""
        if not isinstance(error, FileNotFetched) or not self._waits.is_open:
            self._dead_since.pop(row.number, None)
            return False
        now = self._clock.monotonic()
        return now - self._dead_since.setdefault(row.number, now) >= GIVE_UP

    async def _try_later(self, row: OutboxRow, error: CodedError) -> None:
        """Publish a new reason at once: only a result says why a chat stands still."""
        self._waits.not_prepared[row.number] = error
        self._schedule.prepare_later(row, self._clock.monotonic() + self._in_doubt.pause(row))
        waits = self._waits.of([row]).get(row.number)
        if waits is not None and waits.text not in (None, self._said.get(row.number)):
            self._said[row.number] = error.text
            result = result_of(self._session, replace(row, changed_at=self._clock.now()), waits)
            await self._outbox.notify(notice(result, row.claim.reply_to))

    async def _end(self, row: OutboxRow, error: BridgeError) -> None:
        if self._schedule.is_queued(row):
            self._schedule.drop(row)
            await self._fail(row, error)
        self._settled(row)

    def _settled(self, row: OutboxRow) -> None:
        self._forget(row)
        self._in_doubt.settle(row)

    def _forget(self, row: OutboxRow) -> None:
        self._waits.not_prepared.pop(row.number, None)
        self._said.pop(row.number, None)
        self._dead_since.pop(row.number, None)


def _unavailable(error: CodedError) -> MediaUnavailable:
    text = f"{error.text} {_WHAT_TO_DO}" if isinstance(error, FileNotFetched) else error.text
    return MediaUnavailable(text, detail=error.detail)
