"""Sends that cannot be done, over MQTT and HTTP, with the real page: each says why, and holds up nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import random
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from tests.drivers.worlds import ANA, ELENA
from tests.file_host import FileHost, endless, file_host, redirect
from tests.mqtt.probe import MqttProbe
from tests.requests.conftest import RunningBridge
from tests.sample_files import JPEG, MP4, PNG

OUT, RESULT, SENDS = "wa/haby/out", "wa/haby/result", "/v1/sessions/haby/sends"
NUMBERS = count(1)
CARD = {"name": "Ana", "phone": "5491155500001"}
UNKNOWN = f"false_{ANA}_3EB0DEADBEEFDEADBEEF"
NO_MESSAGE = f"WhatsApp Web does not have the message {UNKNOWN}. chats.history lists the ids of those that it has."
NO_FILE = "The bridge has no file 000000000000…: upload it (POST /v1/media)."
DAMAGED = "WhatsApp Web cannot read the file: it is damaged, or of another type."
LARGE = (
    "data has 262,145 bytes; 262,144 are allowed."
    " Upload the file (POST /v1/media) and send its sha256, or send its url."
)
SLOW = (
    "The file did not come within the command's time to live."
    " Give it a longer ttl, or upload the file first (POST /v1/media)."
)


def inline(content: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(content).decode()}


#: Name -> the content, the code, and what the sender reads.
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "the wrong type by its bytes": (
        {"image": {**inline(MP4), "mimetype": "image/png"}},
        "media_unsupported",
        "By its bytes the file is video/mp4, which cannot be sent as image; send it as document.",
    ),
    "0 bytes": ({"document": {"data": ""}}, "invalid", "The file is empty."),
    "too large for a command": (
        {"document": inline(bytes(262_145))},
        "too_large",
        LARGE,
    ),
    "no base64": ({"document": {"data": "factura.pdf"}}, "invalid", "data is not base64."),
    "a corrupt picture": ({"image": inline(JPEG[:200])}, "media_unsupported", DAMAGED),
    "no picture after its first bytes": ({"image": inline(JPEG[:3] + b"no picture")}, "media_unsupported", DAMAGED),
    "a file that is not here": ({"document": {"sha256": "0" * 64}}, "media_unavailable", NO_FILE),
    "a private address": (
        {"image": {"url": "http://10.0.0.1/a.png"}},
        "media_unavailable",
        "Requests for files must not go to 10.0.0.1: 10.0.0.1 is not in WA_MEDIA_HOSTS.",
    ),
    "a redirect to a private address": (
        {"image": {"url": "{host}/private"}},
        "media_unavailable",
        "Requests for files must not go to 169.254.169.254: 169.254.169.254 is not in WA_MEDIA_HOSTS.",
    ),
    "an address that is no URL of a file": (
        {"image": {"url": "ftp://files.example/a.png"}},
        "invalid",
        "Refused: image.url: must begin with http:// or https://.",
    ),
    "an endless file": (
        {"document": {"url": "{host}/endless"}},
        "too_large",
        "The file has more than 64,000,000 bytes; WA_MEDIA_LIMIT allows 64,000,000.",
    ),
    "a large file": (
        {"document": {"url": "{host}/large"}},
        "too_large",
        "The file has 64,000,001 bytes; WA_MEDIA_LIMIT allows 64,000,000.",
    ),
    "an empty file at a URL": ({"document": {"url": "{host}/empty"}}, "invalid", "The file is empty."),
    "a reply to an unknown message": ({"message": "Sí", "reply_to": UNKNOWN}, "not_found", NO_MESSAGE),
    "a reaction to an unknown message": ({"reaction": {"message_id": UNKNOWN, "emoji": "👍"}}, "not_found", NO_MESSAGE),
    "an edit of an unknown message": ({"edit": {"message_id": UNKNOWN, "message": "x"}}, "not_found", NO_MESSAGE),
    "a revocation of an unknown message": ({"revoke": {"message_id": UNKNOWN}}, "not_found", NO_MESSAGE),
    "an unknown message to forward": ({"forward": {"message_id": UNKNOWN}}, "not_found", NO_MESSAGE),
    "an unknown command": (
        {"revoke": {"command_id": "never-sent"}},
        "not_found",
        "There is no command of this id, or it was deleted by age.",
    ),
    "a message of another chat": (
        {"to": ELENA, "reaction": {"message_id": "{theirs}", "emoji": "👍"}},
        "not_found",
        "The message is in another chat than to names: give its whole message_id without to.",
    ),
    "an edit after 15 minutes": (
        {"edit": {"message_id": "{old}", "message": "a las 9"}},
        "refused",
        "WhatsApp lets a message be edited for 15 minutes, and this one is older. Send a new one.",
    ),
    "a reaction that is no emoji": (
        {"reaction": {"message_id": "{theirs}", "emoji": "ok"}},
        "invalid",
        "Refused: reaction.emoji: is not one emoji; an empty text takes the reaction back.",
    ),
    "a poll of one option": (
        {"poll": {"name": "¿Qué día?", "options": ["Lunes"]}},
        "invalid",
        "Refused: poll.options: must have 2 or more entries, and has 1.",
    ),
    "21 contacts": (
        {"contacts": [CARD] * 21},
        "invalid",
        "Refused: contacts: must have at most 20 entries, and has 21.",
    ),
    "a place that is NaN": (
        {"location": {"latitude": math.nan, "longitude": 0}},
        "invalid",
        "The payload is not JSON: NaN is not allowed.",
    ),
    "a place that is endless": (
        {"location": {"latitude": 0, "longitude": -math.inf}},
        "invalid",
        "The payload is not JSON: -Infinity is not allowed.",
    ),
    "a place that is a text": (
        {"location": {"latitude": "NaN", "longitude": 0}},
        "invalid",
        "Refused: location.latitude: must be a number.",
    ),
}
#: The same for what is tried until the time of the command is over.
CHECK_URL = " Check the URL, or upload the file first (POST /v1/media)."
GIVEN_UP: dict[str, tuple[dict[str, Any], str]] = {
    "a dead URL": (
        {"image": {"url": "http://localhost:1/a.png"}},
        "The URL of the file cannot be fetched: connection refused." + CHECK_URL,
    ),
    "a URL of an unknown host": (
        {"image": {"url": "http://files.invalid/a.png"}},
        "The URL of the file cannot be fetched: host unknown." + CHECK_URL,
    ),
    "a URL without a file": (
        {"image": {"url": "{host}/none.png"}},
        "The URL of the file answered with status 404." + CHECK_URL,
    ),
    "a slow URL": (
        {"document": {"url": "{host}/slow"}},
        SLOW,
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def host() -> AsyncIterator[FileHost]:
    async def large(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 64000001\r\n\r\n")

    async with file_host() as host:
        host.files = {"/empty": b"", "/a.png": PNG}
        host.answers = {
            "/endless": endless(),
            "/large": large,
            "/slow": endless(0.2),
            "/private": redirect("http://169.254.169.254/latest/meta-data"),
        }
        yield host


def filled(value: Any, names: dict[str, str]) -> Any:
    """The value with each `{name}` in a text replaced."""
    match value:
        case str():
            for name, text in names.items():
                value = value.replace(f"{{{name}}}", text)
        case dict():
            return {name: filled(part, names) for name, part in value.items()}
    return value


async def over_mqtt(probe: MqttProbe, command: dict[str, Any]) -> tuple[str, str, str]:
    """How a command ended: its status, the code and the sentence. One that is no JSON is found by its hash."""
    payload = json.dumps(command)
    sha256 = hashlib.sha256(payload.encode()).hexdigest()
    await probe.publish(OUT, payload)
    ended = await probe.wait(
        RESULT,
        lambda one: (one["id"] == command["id"] or one.get("sha256") == sha256) and one["status"] != "accepted",
        within=30,
    )
    return ended["status"], ended["error"]["code"], ended["error"]["text"]


async def over_http(running: RunningBridge, command: dict[str, Any]) -> tuple[str, str, str]:
    async with running.client() as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post(SENDS, content=json.dumps(command), params={"wait": 20}, headers=headers)
    refused = answer.json()
    return "failed" if not answer.is_success else refused["status"], refused["code"], refused["detail"]


async def at_both_doors(
    running: RunningBridge, probe: MqttProbe, content: dict[str, Any], chats: tuple[str, str] = (ANA, ANA)
) -> set[tuple[str, str, str]]:
    """How a command ends over MQTT and over HTTP. The text that follows in each chat arrives, and nothing else."""
    before, number = set(running.world.state.sent), next(NUMBERS)
    over_mqtt_to, over_http_to = ({"id": f"bad-{number}-{door}", "to": to} for door, to in enumerate(chats))
    async with asyncio.TaskGroup() as tasks:
        ends = [
            tasks.create_task(over_mqtt(probe, over_mqtt_to | content)),
            tasks.create_task(over_http(running, over_http_to | content)),
        ]
    after = {f"{to} after {number}": to for to in {content.get("to", to) for to in chats}}
    for text, to in after.items():
        await probe.publish(OUT, {"id": text, "to": to, "message": text})
        await probe.result(text, "sent")
    assert {one.body for key, one in running.world.state.sent.items() if key not in before} == set(after)
    return {end.result() for end in ends}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def names(running: RunningBridge, host: FileHost) -> dict[str, str]:
    """What the contents name: the server of files, an own message of 16 minutes ago, a message of the contact."""
    old = running.world.own(ANA, "a las 8", t=int(running.world.now()) - 16 * 60)
    return {"host": host.url(""), "old": old.key, "theirs": running.world.incoming(ANA, "¿A qué hora?").key}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_sent_says_why(
    running: RunningBridge, probe: MqttProbe, names: dict[str, str], name: str
) -> None:
    content, code, sentence = REFUSED[name]
    assert await at_both_doors(running, probe, filled(content, names)) == {("failed", code, sentence)}


@pytest.mark.parametrize("name", GIVEN_UP)
async def test_a_url_is_tried_until_the_time_is_over(
    running: RunningBridge, probe: MqttProbe, names: dict[str, str], name: str
) -> None:
    content, sentence = GIVEN_UP[name]
    ended = await at_both_doors(running, probe, {**filled(content, names), "ttl": 2}, (ANA, ELENA))
    assert ended == {("failed", "media_unavailable", sentence)}


async def test_base64_with_line_breaks_is_sent(running: RunningBridge, probe: MqttProbe) -> None:
    content = random.Random(76).randbytes(1000)
    data = base64.encodebytes(content).decode()
    assert "\n" in data
    await probe.publish(OUT, {"id": "lines", "to": ANA, "document": {"data": data.replace("\n", "\r\n")}})
    await probe.result("lines", "sent")
    assert hashlib.sha256(content).hexdigest() in {one.sha256 for one in running.world.state.sent.values()}
