"""Voice messages become text: waits for the file, fetches it, asks the transcriber, records what was said.

Each is a task of its own, so a slow server holds no other conversation up. What is in progress is only a copy of what
the store holds: a message that waits for its text is found there again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from bridge.contract.jid import mask
from bridge.sql.database import while_down
from responder.bridge_files import fetch
from responder.errors import FileFailed, ModelFailed
from responder.faults import FaultLog
from responder.policy import Verdict
from responder.store.recorder import Recorded
from responder.store.rows import Pending
from responder.store.transcripts import Transcripts
from responder.timing import VoiceTiming
from responder.transcriber import LARGEST, Transcriber, Transcript, TranscriptOutcome

_log = logging.getLogger(__name__)
#: Code of the fault of a voice message without text.
FAILED = "transcript_failed"


@dataclass(slots=True)
class _Note:
    """A voice message in progress; `changed` is set when its file may have come."""

    pending: Pending
    held_until: float
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class VoiceNotes:
    """`recorded` receives the outcome of each; `heard` what was said. Without a transcriber none becomes text.

    `max_age` in seconds: an older message is not answered, and waits no longer.
    """

    def __init__(
        self,
        transcriber: Transcriber | None,
        store: Transcripts,
        *,
        recorded: Callable[[list[Pending], set[int]], None],
        heard: Callable[[Pending, Transcript], Awaitable[None]],
        faults: FaultLog,
        now: Callable[[], float],
        max_age: float,
        timing: VoiceTiming,
    ) -> None:
        self._transcriber = transcriber
        self._store = store
        self._recorded = recorded
        self._heard = heard
        self._faults = faults
        self._now = now
        self._max_age = max_age
        self._timing = timing
        self._notes: dict[int, _Note] = {}

    def enqueue(self, pending: Pending, tasks: asyncio.TaskGroup) -> None:
        """Begin with a message that waits for its text; again: its file may have come."""
        if (note := self._notes.get(pending.id)) is None:
            note = _Note(pending, asyncio.get_running_loop().time() + self._timing.hold)
            self._notes[pending.id] = note
            note.task = tasks.create_task(self._take(note), name=f"voice message {pending.id}")
        note.changed.set()

    def files_changed(self, chat_ids: Iterable[int]) -> None:
        """The files of messages in these chats may have come."""
        changed = set(chat_ids)
        for note in self._notes.values():
            if note.pending.chat_id in changed:
                note.changed.set()

    def held_until(self, chat_id: int) -> float:
        """The moment of the loop's clock until which other messages of a chat wait for what was said; 0: none does."""
        return max((one.held_until for one in self._notes.values() if one.pending.chat_id == chat_id), default=0.0)

    async def drop(self, part: int) -> None:
        """Stop the work on a part that another replica takes over."""
        tasks = [note.task for note in self._notes.values() if note.pending.part == part and note.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _take(self, note: _Note) -> None:
        pending = note.pending
        found: Recorded = ([], {pending.chat_id})
        try:
            outcome = await self._text_of(note)
            if isinstance(outcome, Verdict):
                await while_down(lambda: self._store.refuse(pending, outcome))
            elif (recorded := await while_down(lambda: self._store.record(pending, outcome.text))) is not None:
                found = recorded
                _log.info("%s: a voice message of %s has its text", pending.session, mask(pending.chat))
                if outcome.text:
                    await self._heard(pending, outcome)
        except Exception as error:  # noqa: BLE001 - one message must not stop the others; the store still has it
            _log.exception("%s", mask(pending.chat))
            self._faults.note("internal", mask(pending.chat), type(error).__name__)
            await while_down(lambda: self._store.refuse(pending, Verdict.NOT_TEXT))  # or it would be heard repeatedly
        finally:
            self._notes.pop(pending.id, None)
        self._recorded(*found)

    async def _text_of(self, note: _Note) -> Transcript | Verdict:
        """What was said, or the verdict for which there is no text."""
        transcriber, pending = self._transcriber, note.pending
        if transcriber is None:
            return Verdict.NOT_TEXT
        pause = self._timing.retry
        try:
            async with asyncio.timeout(self._left(pending)):
                url = await self._file_of(note)
                while True:
                    try:
                        return await transcriber.hear(await fetch(url, LARGEST))
                    except (FileFailed, ModelFailed) as error:
                        if not error.transient:
                            raise
                        wait = max(pause, getattr(error, "retry_after", None) or 0.0)
                        pause = min(pause * 2, self._timing.longest_retry)
                        self._fault(pending, f"{error.text}; asked again in {wait:.0f} s")
                    await asyncio.sleep(wait)
        except TimeoutError:
            self._fault(pending, "it has no text yet and is too old now")
            transcriber.outcomes[TranscriptOutcome.FAILED] += 1
            return Verdict.TOO_OLD
        except (FileFailed, ModelFailed) as error:
            self._fault(pending, f"{error.text}; not asked again")
            transcriber.outcomes[TranscriptOutcome.FAILED] += 1
            return Verdict.NOT_TEXT

    async def _file_of(self, note: _Note) -> str:
        """The link to the file, once it is there. Raises FileFailed if it does not come."""
        while True:
            note.changed.clear()
            found = await while_down(lambda: self._store.file_of(note.pending))
            if found is not None and "://" in found:
                return found
            if found is not None:
                raise FileFailed(f"its file is not at the bridge: {found} (WA_MEDIA, WA_HTTP_PORT)", transient=False)
            await note.changed.wait()

    def _left(self, pending: Pending) -> float:
        return max(pending.timestamp + self._max_age - self._now(), 0.0)

    def _fault(self, pending: Pending, text: str) -> None:
        self._faults.note(FAILED, mask(pending.chat), text)
