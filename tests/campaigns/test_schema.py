"""Generated requests for campaigns are answered as the bridge's OpenAPI document says, by a service that runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.campaigns.conftest import CampaignsHarness
from tests.http.test_schema import CHECKS

CONFIG = """
[parameters]
"path.campaign" = "one"
[generation]
deterministic = true
[phases.stateful]
enabled = false
[phases.coverage]
enabled = false
"""


async def test_generated_requests_are_answered_as_documented(harness: CampaignsHarness, tmp_path: Path) -> None:
    await harness.start()
    await harness.plan(3, id="one")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"),
        *(f"{harness.url}/v1/openapi.json", f"--checks={CHECKS}", "--include-path-regex=/campaigns"),
        *("--max-examples=10", "--warnings=off", "--no-color"),
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        report, _ = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    assert program.returncode == 0, report.decode()[-6000:]
