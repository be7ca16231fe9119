"""`wa listen`: JSON lines for programs, text for people, and a silent exit."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from asyncio.subprocess import Process
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bridge.cli.listen import print_message
from bridge.contract.jid import Jid
from bridge.contract.kinds.media import Media
from bridge.contract.messages import MessageBody
from bridge.drivers.scripted.phone import ACCOUNT
from bridge.ports import IncomingEvent
from tests.cli.conftest import WA, Environment, ScriptedBridge, StartCommand, Wa

ANA, BETO, GROUP = "5491155500001@c.us", "5491155500002@c.us", "120363000000000001@g.us"


async def lines(process: Process, count: int) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def interrupt(process: Process) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def messages(process: Process, count: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in await lines(process, count)]


async def test_json_lines_and_a_silent_exit(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola\n👋")
    await harness.journalled(1)
    process = await start("listen", "--all", "--json")
    harness.phone.incoming(ANA, "¿Están?")
    got = await messages(process, 2)
    assert [(message["seq"], message["body"], message["from"]) for message in got] == [
        (1, "Hola\n👋", ANA),
        (2, "¿Están?", ANA),
    ]
    assert await interrupt(process) == (130, "")


async def test_the_next_run_resumes_after_the_cursor(
    harness: ScriptedBridge, start: StartCommand, tmp_path: Path
) -> None:
    await harness.start()
    position = str(tmp_path / "seen.json")
    for number in range(3):
        harness.phone.incoming(ANA, f"Mensaje {number}")
    process = await start("listen", "--all", "--json", "--cursor", position)
    assert len(await messages(process, 3)) == 3
    assert (await interrupt(process))[0] == 130
    harness.phone.incoming(ANA, "Mensaje 3")
    process = await start("listen", "--json", "--cursor", position)
    harness.phone.incoming(ANA, "Mensaje 4")
    assert [message["body"] for message in await messages(process, 2)] == ["Mensaje 3", "Mensaje 4"]
    await interrupt(process)


async def test_a_first_run_without_a_message_leaves_its_position(
    harness: ScriptedBridge, start: StartCommand, tmp_path: Path
) -> None:
    await harness.start()
    position = tmp_path / "seen.json"
    process = await start("listen", "--json", "--cursor", str(position))
    async with asyncio.timeout(20):
        while not position.exists():  # noqa: ASYNC110 - a file raises no event
            await asyncio.sleep(0.02)
    await interrupt(process)
    harness.phone.incoming(ANA, "while nothing listens")
    await harness.journalled(1)
    process = await start("listen", "--json", "--cursor", str(position))
    assert [message["body"] for message in await messages(process, 1)] == ["while nothing listens"]
    await interrupt(process)


async def test_an_invalid_cursor_file_is_reported(wa: Wa, tmp_path: Path) -> None:
    (tmp_path / "seen.json").write_text("{}")
    result = await wa("listen", "--cursor", str(tmp_path / "seen.json"))
    assert result.code == 2
    assert "does not hold a cursor" in result.err


async def test_it_exits_when_the_reader_of_the_pipe_exits(harness: ScriptedBridge, environment: Environment) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    await harness.journalled(1)
    wa = " ".join(f"'{word}'" for word in WA)
    shell = f"set -o pipefail; {wa} listen --all --json | head -n 1"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", shell, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    assert json.loads(out)["body"] == "Hola"


ACTS: list[tuple[str, dict[str, Any]]] = [
    ("reaction", {"message_id": f"true_{ANA}_3EB0A1B2C3D4E5F6", "emoji": "👍", "author": ANA}),
    ("edit", {"message_id": f"false_{ANA}_3EB0A1B2C3D4E5F6", "body": "Voy a las 9"}),
    ("revoke", {"message_id": f"false_{ANA}_3EB0A1B2C3D4E5F6", "by": ANA}),
    ("poll_vote", {"message_id": f"true_{ANA}_3EB0A1B2C3D4E5F7", "selected": ["Lunes", "Jueves"], "author": ANA}),
    ("call", {"call_id": "3EB0C0FFEE", "action": "offered", "video": True}),
    ("call", {"call_id": "3EB0C0FFEE", "action": "missed", "video": True}),
    ("presence", {"presence": "typing"}),
    ("group", {"action": "subject", "group": GROUP, "by": ANA, "subject": "Obra 2"}),
]


async def test_conversations_for_people(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    process = await start("listen", "--all")
    [state] = await lines(process, 1)
    assert state.endswith("haby is connected: Ready.")
    harness.phone.incoming(ANA, "Hola [bold]\x1b[31m", notify_name="Ana")
    [received] = await lines(process, 1)
    assert received[8:] == "  Ana 5491155500001  Hola [bold]\ufffd[31m"
    harness.phone.incoming(GROUP, "Buenas", author="5491155500002@c.us")
    [in_group] = await lines(process, 1)
    assert in_group[8:] == f"  5491155500002 in {GROUP}  Buenas"
    harness.phone.incoming(ANA, "Voy", type="location", variant="live_location")
    harness.phone.incoming(ANA, "", type="document", media=Media(filename="presupuesto.pdf"))
    of_other_kinds = [line[8:] for line in await lines(process, 2)]
    assert of_other_kinds == ["  5491155500001  [live location] Voy", "  5491155500001  [document] presupuesto.pdf"]
    harness.phone.own(ANA, "Ya va")
    [own] = await lines(process, 1)
    assert own[8:] == "  you → 5491155500001  Ya va"
    for number, (kind, fields) in enumerate(ACTS):
        event = IncomingEvent(kind, str(number), harness.phone.now(), Jid.parse(ANA), fields, Jid.parse(ANA))
        harness.phone.event(event)
    assert [line[8:].removeprefix("  5491155500001 in 5491155500001  ") for line in await lines(process, 7)] == [
        "reacted 👍",
        "edited a message: Voy a las 9",
        "deleted a message",
        "voted: Lunes, Jueves",
        "is calling (video)",
        "called in vain (video)",
        "is typing",
    ]
    assert (await interrupt(process))[0] == 130


async def test_what_this_account_did_is_not_said_of_the_contact(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    process = await start("listen", "--all")
    await lines(process, 1)
    own, mine, hers = str(ACCOUNT), f"true_{ANA}_3EB0A1B2C3D4E5F6", f"false_{ANA}_3EB0A1B2C3D4E5F7"
    acts: list[tuple[str, str, dict[str, Any], str | None]] = [
        ("edit", ANA, {"message_id": mine, "body": "a las 9"}, None),
        ("edit", ANA, {"message_id": hers, "body": "a las 10"}, ANA),
        ("reaction", ANA, {"message_id": hers, "emoji": "👍", "author": own}, own),
        ("revoke", ANA, {"message_id": mine, "by": own}, own),
        ("revoke", ANA, {"message_id": mine, "by": None}, None),
        (
            "reaction",
            GROUP,
            {"message_id": f"true_{GROUP}_3EB0A1B2C3D4E5F8_{own}", "emoji": "👍", "author": BETO},
            BETO,
        ),
        (
            "reaction",
            GROUP,
            {"message_id": f"false_{GROUP}_3EB0A1B2C3D4E5F9_{BETO}", "emoji": "👍", "author": own},
            own,
        ),
    ]
    for number, (kind, chat, fields, author) in enumerate(acts):
        by = None if author is None else Jid.parse(author)
        harness.phone.event(IncomingEvent(kind, str(number), harness.phone.now(), Jid.parse(chat), fields, by))
    assert [line[8:].split(" in ")[0].strip() for line in await lines(process, len(acts))] == [
        *("you", "5491155500001", "you", "you", "you", "5491155500002", "you")
    ]
    await interrupt(process)


FORGED = "09:00:00  Ana 5491155500001  Transferime a este CBU"


async def test_no_message_can_imitate_another(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    process = await start("listen", "--all")
    await lines(process, 1)
    said = f"Hola\n{FORGED}\r\n{FORGED}\x85{FORGED}\u2028{FORGED}"
    harness.phone.incoming(BETO, said, notify_name=f"Beto\n{FORGED}")
    harness.phone.incoming(BETO, "fin", notify_name=f"Ana 5491155500001  {FORGED}")
    first, *further, last = await lines(process, 4)
    assert first[8:] == f"  Beto {FORGED.replace('  ', ' ')} 5491155500002  Hola"
    assert all(line.startswith("        │ ") for line in further)
    assert last[8:] == f"  Ana 5491155500001 {FORGED.replace('  ', ' ')} 5491155500002  fin"
    await interrupt(process)


def test_no_row_of_a_terminal_can_imitate_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    out = Console(force_terminal=True, color_system=None, width=80, soft_wrap=True)
    message = MessageBody.model_validate(
        {"id": "false_x_1", "chat": BETO, "from": BETO, "author": BETO, "body": " " * 47 + FORGED * 3, "type": "chat"}
        | {"timestamp": 1, "late": True, "cliente_id": 51}
    )
    print_message(out, message, own=False)
    first, *others = capsys.readouterr().out.splitlines()
    assert len(first) <= 80
    assert len(others) >= 3
    assert all(row.startswith("        │ ") and len(row) <= 80 for row in others)


async def test_json_lines_act_on_no_terminal(harness: ScriptedBridge, start: StartCommand) -> None:
    await harness.start()
    odd = "\x1b[31m\x9b31m\x85\u2028\u202e\x7f\u200f👨\u200d👩"
    harness.phone.incoming(ANA, odd)
    process = await start("listen", "--all", "--json")
    (line,) = await lines(process, 1)
    assert json.loads(line)["body"] == odd
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u202e\u200f]", line)
    await interrupt(process)


async def test_no_such_session(harness: ScriptedBridge, wa: Wa) -> None:
    await harness.start()
    assert (await wa("listen", "--session", "habi")).code == 6


async def test_it_waits_for_the_first_bridge(harness: ScriptedBridge, start: StartCommand) -> None:
    process = await start("listen", "--all", "--json")
    assert process.stderr is not None
    async with asyncio.timeout(20):
        assert b"Waiting for one" in await process.stderr.readline()
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    assert [message["body"] for message in await messages(process, 1)] == ["Hola"]
    await interrupt(process)
