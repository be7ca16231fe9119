"""Starts the bridge in its own process and ends it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PROGRAM = Path(__file__).parent / "bridge_program.py"


@asynccontextmanager
async def bridge_program(url: str, data_dir: Path, death: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """Killed at the end, if it still runs."""
    with (data_dir.parent / "program.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), url, str(data_dir), death, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
