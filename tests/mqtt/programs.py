"""Starts the bridge in its own process and ends it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.forked import ForkedProgram, forked

PROGRAM = Path(__file__).parent / "bridge_program.py"


@asynccontextmanager
async def bridge_program(url: str, data_dir: Path, death: str = "") -> AsyncIterator[ForkedProgram]:
    """Killed at the end, if it still runs."""
    with (data_dir.parent / "program.log").open("ab") as log:
        command = [str(PROGRAM), url, str(data_dir), death]
        async with forked(command, os.environ, data_dir.parent, stderr=log.fileno()) as (program, _):
            yield program
