"""Each kind has a golden file, `kinds/<kind>.json`. A kind without a file fails here.

`received`, of a kind with `RECEIVED`: cases of `model`, the fields of WhatsApp Web's message, and `content`, what is
published; together they show each field that the kind declares. `sent`, of a kind with `SENT`: cases of `value`, its
field in a command in normal form (with each default that is not null), `file`, one of `tests/samples` for a kind with a
file, and `call`, the resulting call of wa-js: its name and arguments; `"<chat>"` stands for the chat. What concerns
another message has no `call`: `test_acts.py` sends it. The last one is the example in docs/mqtt.md. `sent_type`:
WhatsApp's type of what is sent, for a kind without `RECEIVED`.
`kinds/system.json` has the models of what is no message.
"""

from __future__ import annotations

import json
import subprocess
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable  # Playwright's own Node.js

from bridge.contract.commands import SendCommand, checked
from bridge.contract.jid import Jid
from bridge.contract.kinds import KINDS, RECEIVED, SYSTEM_TYPES, VARIANTS, Content, ReceivedKind, load_field
from bridge.contract.messages import MessageContent, TextFields
from bridge.core.conversion import kind_of
from bridge.drivers.web.injection import sendable_kinds
from bridge.ports import IncomingMessage
from tests.drivers.recording import RecordingSink
from tests.drivers.worlds import ANA, World, connected
from tests.sample_files import FOLDER

GOLDEN = Path(__file__).parent / "kinds"
#: WhatsApp Web's message types (`WAWebMsgType`, April 2026).
TYPES = frozenset(Path(__file__).with_name("message_types.txt").read_text("utf-8").split())


def golden(kind: str) -> dict[str, Any]:
    file = GOLDEN / f"{kind}.json"
    assert file.is_file(), f"the kind {kind} has no golden file: add {file.relative_to(Path.cwd())}"
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def answers() -> dict[str, Any]:
    """The output of the page's scripts for every golden file."""
    asked = {
        "folder": str(resources.files("bridge.drivers.web") / "page"),
        "variants": VARIANTS,
        "golden": {file.stem: golden(file.stem) for file in GOLDEN.glob("*.json")},
    }
    node = compute_driver_executable()[0]
    done = subprocess.run(
        [node, str(Path(__file__).with_name("page_scripts.mjs"))],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", RECEIVED, ids=lambda kind: kind.kind)
def test_a_received_kind(kind: ReceivedKind, answers: dict[str, Any]) -> None:
    cases = golden(kind.kind)["received"]
    assert {case["model"]["type"] for case in cases} <= set(kind.types)
    read = [MessageContent.model_validate(one).model_dump(exclude_none=True) for one in answers[kind.kind]["received"]]
    assert read == [{"body": "", **case["content"]} for case in cases]
    for case in cases:
        assert MessageContent.model_validate(case["content"]).model_dump(exclude_none=True) == {
            "body": "",
            **case["content"],
        }
    own = set().union(*(case["content"] for case in cases)) - set(TextFields.model_fields)
    assert own == set(kind.fields), "each field that a kind declares is in its golden file"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_kind_that_is_sent(kind: type[Content], answers: dict[str, Any]) -> None:
    assert kind.kind in sendable_kinds()
    cases = golden(kind.kind)["sent"]
    assert cases
    assert answers[kind.kind]["sent"] == [case["call"] for case in cases if "call" in case]
    for case in cases:
        command = checked(SendCommand, {"to": "5491155500001", kind.field: case["value"]})
        assert command.content.value == case["value"]
        assert command.content.summary


def found(sink: RecordingSink, raw_id: str) -> IncomingMessage | None:
    return next((message for message in sink.messages if message.key.id == raw_id), None)


async def test_every_kind_is_received(world: World) -> None:
    async with connected(world) as (_, sink):
        for kind in RECEIVED:
            for case in golden(kind.kind)["received"]:
                raw_id = world.receive(ANA, case["model"], case["content"])
                await sink.until(partial(found, sink, raw_id))
                message = found(sink, raw_id)
                assert message is not None
                assert (message.type, kind_of(message.name)) == (case["model"]["type"], kind.kind)
                assert (message.raw is not None) == (kind.kind == "unknown")
                assert message.content.model_dump(exclude_none=True) == {"body": "", **case["content"]}, kind.kind


async def test_every_kind_is_sent(world: World) -> None:
    received = {kind.kind: kind.types for kind in RECEIVED}
    async with connected(world) as (driver, _):
        for kind in KINDS:
            types = received.get(kind.kind) or (golden(kind.kind).get("sent_type"),)
            for case in filter(lambda case: "call" in case, golden(kind.kind)["sent"]):
                key = await driver.reserve(await driver.resolve(Jid.parse(ANA)))
                file = FOLDER / case["file"] if "file" in case else None
                assert await driver.send(key, load_field(kind.field, case["value"]), file=file) >= 0
                assert world.sent()[key.id][1] == 1
                assert world.sent_type(key.id) in types


def test_the_page_sends_exactly_the_kinds_that_a_command_can_have() -> None:
    assert sendable_kinds() == {kind.kind for kind in KINDS}


def test_every_message_type_of_whatsapp_has_a_case() -> None:
    assert len(TYPES) == 71
    cases = [case["model"] for kind in RECEIVED for case in golden(kind.kind)["received"]]
    assert {model["type"] for model in [*cases, *golden("system")["system"]]} >= TYPES
    assert {model["type"] for model in golden("system")["system"]} - {"chat"} == SYSTEM_TYPES & TYPES


def test_kinds_types_and_fields_are_unique() -> None:
    assert len({kind.kind for kind in RECEIVED}) == len(RECEIVED)
    types = [name for kind in RECEIVED if kind.variant is None for name in kind.types]
    assert len(set(types)) == len(types)
    assert SYSTEM_TYPES.isdisjoint(types)
    assert len({kind.field for kind in KINDS}) == len(KINDS)
