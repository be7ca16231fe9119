"""The AsyncAPI document as its official parser reads it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bridge.contract.asyncapi import asyncapi, channels
from bridge.contract.topics import Topics
from tests.docs.node_programs import FOLDER, require_node

#: Of the parser's diagnostics: an error or a warning. What is below is advice, such as that there is a version 3.1.
WARNING = 1


def parsed(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The addresses of the channels, and what the parser finds wrong."""
    program = [require_node(), "parse_asyncapi.mjs"]
    text = json.dumps(document)
    done = subprocess.run(program, cwd=FOLDER, input=text, capture_output=True, text=True, check=True, timeout=30)
    told = json.loads(done.stdout)
    return told["channels"], [one["message"] for one in told["diagnostics"] if one["severity"] <= WARNING]


def test_the_official_parser_finds_every_topic_and_nothing_wrong() -> None:
    topics = Topics("casa/wa")
    found, wrong = parsed(asyncapi(topics, "1.2.3"))
    assert wrong == []
    assert sorted(found) == sorted(channel.address for channel in channels(topics))


def test_the_parser_would_say_what_is_wrong() -> None:
    document = asyncapi(Topics(), "1.2.3")
    document["operations"]["send_in"]["channel"] = {"$ref": "#/channels/nowhere"}
    document["components"]["messages"]["Inbound"]["payload"]["schema"]["properties"]["seq"]["type"] = "number of sorts"
    _, wrong = parsed(document)
    assert any("nowhere" in message for message in wrong), wrong
    assert len(wrong) > 1
