"""`wa listeners` as a program, against a bridge with HTTP and a receiver that refuses."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from bridge.cli.http_file import read_http_json
from tests.cli.conftest import Wa
from tests.http.conftest import ANA, HttpBridge, receiver
from tests.http.conftest import side as harness_with_http
from tests.http.receiver import Answer, Receiver

__all__ = ["harness_with_http", "receiver"]
KEY, SECRET = "the-legacy-key", "a-secret-of-thirty-two-characters"


async def test_webhooks_are_listed_and_paused_and_dead_letters_redelivered(
    harness_with_http: HttpBridge, receiver: Receiver, wa: Wa
) -> None:
    harness = harness_with_http
    harness.given |= {"api_key": KEY}
    await harness.start()
    where = {"WA_HTTP_PORT": str(harness.port), "WHATSAPP_API_KEY": KEY}
    assert "No webhook is registered" in (await wa("listeners", "list", **where)).out
    async with harness.client(headers={"x-api-key": KEY}) as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
    receiver.answers = [Answer(410), Answer(410)]
    harness.phone.incoming(ANA, "uno")
    harness.phone.incoming(ANA, "dos")
    await receiver.got(2)
    shown = await wa("listeners", "list", **where)
    assert all(word in shown.out for word in (receiver.url, "working", "It answered 410."))
    [line] = (await wa("listeners", "list", "--json", **where)).out.splitlines()
    listener = json.loads(line)
    paused = await wa("listeners", "pause", listener["id"][:6], "--json", **where)
    assert json.loads(paused.out)["paused"]
    assert receiver.url in (await wa("listeners", "resume", receiver.url, **where)).out
    letters = [json.loads(line) for line in (await wa("listeners", "letters", "--json", **where)).out.splitlines()]
    assert [json.loads(one["body"])["body"] for one in letters] == ["uno", "dos"]
    assert (await wa("listeners", "replay", **where)).code == 2  # no numbers given
    receiver.answers = [Answer(200), Answer(410)]
    replayed = await wa("listeners", "replay", "--all", **where)
    assert replayed.code == 1
    assert [line.split(": ")[1] for line in replayed.out.splitlines()] == ["delivered", "It answered 410."]
    again = await wa("listeners", "replay", str(letters[1]["number"]), "--json", **where)
    assert (again.code, json.loads(again.out)["delivered"]) == (0, True)
    assert "no dead letters" in (await wa("listeners", "letters", **where)).out


async def test_an_example_is_posted_to_a_webhook(harness_with_http: HttpBridge, receiver: Receiver, wa: Wa) -> None:
    harness = harness_with_http
    await harness.start()
    where = {"WA_HTTP_PORT": str(harness.port)}
    async with harness.client() as client:
        await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})
    receiver.answers = [Answer(410), Answer(204)]
    refused = await wa("listeners", "test", receiver.url, **where)
    assert (refused.code, f"{receiver.url}: It answered 410. (" in refused.out) == (1, True)
    accepted = await wa("listeners", "test", receiver.url, "--json", **where)
    assert (accepted.code, json.loads(accepted.out)["status"]) == (0, 204)


@pytest.mark.parametrize(
    ("arguments", "given", "code", "expected"),
    [
        (("list",), {"WHATSAPP_API_KEY": "another-key"}, 1, "WHATSAPP_API_KEY"),
        (("list", "--session", "unknown"), {"WA_JWT_SECRET": SECRET}, 6, "wa session list"),
        (("pause", "http://unknown"), {"WA_JWT_SECRET": SECRET}, 2, "wa listeners list"),
        (("replay", "7"), {"WA_JWT_SECRET": SECRET}, 1, "no such dead letter"),
        (("list",), {"WA_HTTP_PORT": "9"}, 5, "wa up"),
        (("list",), {"WA_HTTP_PORT": "off"}, 5, "WA_HTTP_PORT"),
        (("list",), {"WA_HTTP_PORT": "0"}, 5, "wa bridge"),
    ],
)
async def test_errors_have_a_sentence_and_an_exit_code(
    harness_with_http: HttpBridge, wa: Wa, arguments: tuple[str, ...], given: dict[str, str], code: int, expected: str
) -> None:
    harness = harness_with_http
    harness.given |= {"jwt_secret": SECRET}
    await harness.start()
    began = time.monotonic()
    result = await wa("listeners", *arguments, **{"WA_HTTP_PORT": str(harness.port)} | given)
    assert (result.code, result.out) == (code, "")
    assert expected in result.err
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("clean", [True, False])
async def test_the_address_of_a_stopped_bridge_is_not_used(tmp_path: Path, clean: bool) -> None:
    """Another program may listen there by now and would receive the key."""
    program = (
        "import pathlib, socket, sys; from bridge.cli.http_file import http_json\n"
        "with socket.socket() as listener, http_json(pathlib.Path(sys.argv[1]), listener, web_url=''):\n"
        "    print(flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    assert read_http_json(tmp_path) == "http://127.0.0.1:0"
    if clean:
        process.stdin.close()
    else:
        process.kill()
    await process.wait()
    assert (tmp_path / "http.json").exists() is not clean
    assert read_http_json(tmp_path) is None
