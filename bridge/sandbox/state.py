"""The state file: the world when the sandbox was last closed or killed.

Written completely and atomically, at most `DELAY` seconds after a change. An unreadable file is refused, so that an
empty world does not overwrite it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pydantic import ValidationError

from bridge.sandbox.changes import Change
from bridge.sandbox.records import State

DELAY = 0.15


class StateUnreadable(RuntimeError):
    """The state file exists but contains no valid state."""


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = asyncio.Event()

    def load(self) -> State | None:
        """The stored state; None if there is none. Raises `StateUnreadable`."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return State.model_validate_json(text)
        except ValidationError as error:
            raise StateUnreadable(
                f"{self._path} is not a sandbox state this version can read; delete it to start a new world."
            ) from error

    def on_change(self, _change: Change) -> None:
        self._changed.set()

    async def run(self, state: State) -> None:
        """Write the file after changes, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(DELAY)
            self._changed.clear()
            text = state.model_dump_json()
            writing = asyncio.create_task(asyncio.to_thread(self._write, text), name="write the state")
            try:
                await asyncio.shield(writing)
            finally:
                await writing  # a cancelled wait does not end its thread, which would write beside `save`

    def save(self, state: State) -> None:
        self._write(state.model_dump_json())

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
