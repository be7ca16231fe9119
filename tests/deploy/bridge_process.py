"""`wa bridge` as a separate process, as a service runs it, with the sandbox as WhatsApp."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge.sandbox import Sandbox
from tests.loopback import http_client
from tests.parts import require_binary

PHONE_OF_ANA = "5491155500001"


@asynccontextmanager
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox whose phone scans the QR code by itself."""
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    async with Sandbox(auto_scan=True) as double:
        yield double


async def call_sandbox(double: Sandbox, method: str, path: str, body: object = None) -> Any:
    """Call the sandbox's control API."""
    async with http_client() as client:
        answer = await client.request(method, double.api_url + path, json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


@asynccontextmanager
async def bridge_process(directory: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `wa bridge`; terminated with SIGTERM at the end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    with (directory / "bridge.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge.cli", "bridge"),
            cwd=directory,
            env={
                **clean,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "WA_DATA_DIR": str(directory / "data"),
                "WA_PACE": "off",
                **environment,
            },
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)
