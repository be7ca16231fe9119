"""The OpenAPI document is kept: generated requests, right and wrong, are answered as it says, and none fails."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import httpx
import pytest

from tests.http.conftest import HttpBridge

#: What generated requests must not do to the session that they are tried on, and a stream that never ends.
LEFT_OUT = r"(/control|/init|/close|/events|/logs|/toggle/)"
KEY = "the-key-of-the-generated-requests"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
CONFIG = """
[parameters]
"path.session" = "haby"
"query.wait" = 0
[generation]
deterministic = true
# Arguments of every action stand in one operation: the coverage phase alone would send 2,000 of them.
[phases.stateful]
enabled = false
[[operations]]
include-path-regex = "/requests/"
[operations.phases.coverage]
enabled = false
# No campaigns service and no responder run here: tests/campaigns and tests/responder ask one.
[[operations]]
include-path-regex = "/(campaigns|responder)"
[operations.phases.coverage]
enabled = false
"""


@pytest.mark.timeout(300)
async def test_generated_requests_are_answered_as_documented(side: HttpBridge, tmp_path: Path) -> None:
    side.given["api_key"] = KEY  # without it, the first key that a generated request makes would end the test
    await side.start()
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"),
        *(f"{side.url}/v1/openapi.json", f"--checks={CHECKS}", f"--exclude-path-regex={LEFT_OUT}"),
        *("--max-examples=3", "--warnings=off", "--no-color"),
        *("--header", f"x-api-key: {KEY}"),
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


async def test_the_page_names_every_path_of_v1(client: httpx.AsyncClient) -> None:
    page = (Path(__file__).parents[2] / "docs/http.md").read_text(encoding="utf-8")
    paths = [path for path in (await client.get("/v1/openapi.json")).json()["paths"] if path.startswith("/v1/")]
    assert len(paths) > 15
    for path in paths:
        short = path.replace("/v1/sessions/{session}/", "…/")
        assert re.search(rf"`(?:GET |POST |PUT )?{re.escape(short)}[`?]", page), path


async def test_every_operation_is_described_and_names_what_it_answers(client: httpx.AsyncClient) -> None:
    document = (await client.get("/v1/openapi.json")).json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            assert operation.get("summary"), where
            assert any(status.startswith("2") for status in operation["responses"]), where
            if path.startswith("/v1/"):
                assert "application/problem+json" in operation["responses"]["401"]["content"], where
