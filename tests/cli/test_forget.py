"""`wa forget` beside a running bridge, and without any store."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from bridge.contract.commands import SendCommand, checked
from bridge.contract.lifecycle import SendState
from bridge.store import keep_aside, open_store
from bridge.store.media_files import MediaFiles
from tests.cli.conftest import Environment, ScriptedBridge, StartCommand, Wa
from tests.store.samples import claim, result, step

ANA, JUAN = "5491155500001", "5491155500002"


async def test_a_person_is_erased_for_every_reader_while_the_bridge_runs(
    harness: ScriptedBridge, wa: Wa, start: StartCommand
) -> None:
    await harness.start()
    listening = await start("listen", "--all", "--json")
    assert listening.stdout is not None
    try:
        for number, body in ((ANA, "el secreto"), (JUAN, "de Juan")):
            harness.phone.incoming(f"{number}@c.us", body)
            assert json.loads(await listening.stdout.readline())["body"] == body
    finally:
        listening.kill()
        await listening.wait()
    assert (await wa("send", ANA, "para Ana", "--id", "order-1", "--timeout", "15")).code == 0

    counted = await wa("forget", "+54 11 5550-0001", "--dry-run", "--json")
    asked = await wa("forget", ANA)
    assert (asked.code, "--yes" in asked.err) == (2, True)  # standard input is not a terminal
    done = await wa("forget", "+54 11 5550-0001", "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    [line] = done.out.splitlines()
    report = json.loads(line)
    assert report["addresses"] == [f"54{ANA[3:]}@c.us", f"{ANA}@c.us"]
    assert report["stores"] == json.loads(counted.out)["stores"]
    assert {name: report["stores"]["haby"][name] for name in ("messages", "commands", "still open")} == {
        "messages": 1,
        "commands": 1,
        "still open": 0,
    }

    listening = await start("listen", "--all", "--json")
    assert listening.stdout is not None
    try:
        erased, kept = [json.loads(await listening.stdout.readline()) for _ in range(2)]
    finally:
        listening.kill()
        await listening.wait()
    assert (erased["seq"], erased["type"], erased["body"], erased["from"]) == (1, "erased", "", "")
    assert kept["body"] == "de Juan"
    again = await wa("send", ANA, "para Ana", "--id", "order-1", "--timeout", "15")
    assert (again.code, len(harness.phone.sent)) == (1, 1)  # the id is known: nothing is sent twice


async def test_files_that_were_sent_to_the_person_go_once_every_store_can_be_read(
    wa: Wa, environment: Environment
) -> None:
    data_dir = Path(environment["WA_DATA_DIR"])
    files = MediaFiles(data_dir / "media")
    for name in ("haby", "otra"):
        async with open_store(data_dir / "sessions" / name / "store.db", now=time.time) as store:
            for person in (ANA, JUAN) if name == "haby" else ():
                sha256 = (await files.add(one(person.encode()), 1000)).sha256
                sent = checked(
                    SendCommand, {"to": f"{person}@c.us", "document": {"sha256": sha256, "filename": "a.pdf"}}
                )
                asked = replace(claim(person), to=f"{person}@c.us", content=sent.content)
                number = (await store.outbox.claim(asked, result())).row.number
                await store.outbox.change(number, step(SendState.FAILED))
    done = await wa("forget", ANA, "--yes", "--json")
    assert (done.code, done.err, json.loads(done.out)["files_kept"]) == (0, "", None)
    left = [file.sha256 async for file in files.all()]
    assert left == [hashlib.sha256(JUAN.encode()).hexdigest()]
    keep_aside(data_dir / "sessions" / "otra" / "store.db")
    done = await wa("forget", JUAN, "--yes", "--json")
    report = json.loads(done.out)
    assert (done.code, report["stores"]["haby"]["commands"]) == (1, 1)
    assert "is damaged" in report["files_kept"]
    assert [file.sha256 async for file in files.all()] == left


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_without_a_store_it_reports_that_and_creates_none(wa: Wa) -> None:
    done = await wa("forget", ANA, "--yes")
    assert (done.code, "No store found" in done.out) == (0, True)
    assert (await wa("forget", "120363000000000001@g.us", "--yes")).code == 2
