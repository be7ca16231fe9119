"""The AsyncAPI document is valid for the official parser."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bridge.contract.asyncapi import asyncapi, channels
from bridge.contract.topics import Topics
from tests.docs.node_programs import FOLDER, require_node

#: Severity of the parser's warnings; higher numbers are only advice, such as that version 3.1 exists.
WARNING = 1


def parsed(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The channel addresses, and the parser's errors and warnings."""
    program = [require_node(), "parse_asyncapi.mjs"]
    text = json.dumps(document)
    done = subprocess.run(program, cwd=FOLDER, input=text, capture_output=True, text=True, check=True, timeout=30)
    output = json.loads(done.stdout)
    return output["channels"], [one["message"] for one in output["diagnostics"] if one["severity"] <= WARNING]


def test_the_official_parser_finds_every_topic_and_no_error() -> None:
    topics = Topics("casa/wa")
    found, errors = parsed(asyncapi(topics, "1.2.3"))
    assert errors == []
    assert sorted(found) == sorted(channel.address for channel in channels(topics))


def test_the_parser_reports_errors() -> None:
    document = asyncapi(Topics(), "1.2.3")
    document["operations"]["send_in"]["channel"] = {"$ref": "#/channels/nowhere"}
    document["components"]["messages"]["Inbound"]["payload"]["schema"]["properties"]["seq"]["type"] = "number of sorts"
    _, errors = parsed(document)
    assert any("nowhere" in message for message in errors), errors
    assert len(errors) > 1
