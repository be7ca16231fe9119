"""Webhooks at run time: which items they get, a test of one, and the log of its posts."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.contract.backoff import Backoff
from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import parse_recipient
from bridge.contract.messages import Inbound, Stream
from bridge.webhooks.delivery_log import AGE, POSTS, DeliveryLog, PostRecord, PostResult
from bridge.webhooks.example_delivery import SENDER
from bridge.webhooks.limits import WebhookLimits
from tests.http.conftest import ANA, HttpBridge
from tests.http.receiver import Answer, Receiver

LISTENERS = "/v1/sessions/haby/listeners"
SECRET = "a-secret-of-thirty-two-characters"


@pytest.fixture(autouse=True)
def _retry_soon(side: HttpBridge) -> None:
    side.limits = replace(side.limits, webhooks=WebhookLimits(retry=Backoff(0.05, 60.0, jitter=0.5)))


async def registered(client: httpx.AsyncClient, url: str, **more: Any) -> str:
    made = await client.post(LISTENERS, json={"url": url, "secret": SECRET, **more})
    assert made.status_code == 201, made.text
    return f"{LISTENERS}/{made.json()['id']}"


async def logged(client: httpx.AsyncClient, path: str) -> list[tuple[Any, ...]]:
    records = (await client.get(f"{path}/deliveries")).json()["deliveries"]
    assert all("body" not in record and SECRET not in str(record) for record in records)
    return [(one["seq"], one["attempt"], one["result"], one["status"], one["error"]) for one in records]


async def test_a_test_posts_one_signed_example(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    path = await registered(client, receiver.url)
    answer = (await client.post(f"{path}/test")).json()
    (post,) = await receiver.got(1)
    assert Inbound.model_validate(post.json).chat == SENDER
    assert (post.json["cliente_id"], post.json["type"]) == (51, "chat")
    signed = hmac.new(SECRET.encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-hub-signature-256"] == f"sha256={signed}"
    assert (post.headers["x-wa-test"], post.headers["x-wa-session"]) == ("true", "haby")
    assert (answer["accepted"], answer["status"], answer["beginning"], answer["error"]) == (True, 200, "{}", None)
    assert answer["ms"] >= 0
    receiver.answers = [Answer(500)]
    await client.post(f"{path}/test")
    assert await logged(client, path) == [(0, 1, "test", 500, "It answered 500."), (0, 1, "test", 200, None)]
    assert (await client.get("/v1/sessions/haby/messages")).json()["items"] == []
    assert [one["action"] for one in (await client.get("/v1/audit")).json()["audit"]][:1] == ["test listener"]
    await receiver.stop()
    refused = (await client.post(f"{path}/test")).json()
    assert (refused["accepted"], refused["status"], refused["failure"]) == (False, None, "connection_refused")


def test_nothing_can_be_sent_to_the_sender_of_the_example() -> None:
    with pytest.raises(InvalidRequest):
        parse_recipient(SENDER)


async def test_a_test_of_a_webhook_for_events_posts_an_event(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    path = await registered(client, receiver.url, events=["revoke", "reaction"])
    await client.post(f"{path}/pause")  # a paused one is tested, too
    await client.post(f"{path}/test")
    (post,) = await receiver.got(1)
    assert (post.json["kind"], post.headers["x-wa-stream"]) == ("reaction", "event")


async def test_the_log_has_every_attempt(started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver) -> None:
    path = await registered(client, receiver.url)
    receiver.answers = [Answer(503), Answer(200), Answer(410)]
    started.phone.incoming(ANA, "uno")
    await receiver.got(2)
    started.phone.incoming(ANA, "dos")
    await receiver.got(3)
    while not (letters := (await client.get("/v1/sessions/haby/dead-letters")).json()["letters"]):
        pass
    await client.post(f"/v1/sessions/haby/dead-letters/{letters[0]['number']}/repeat")
    assert await logged(client, path) == [
        (2, 2, "delivered", 200, None),
        (2, 1, "refused", 410, "It answered 410."),
        (1, 2, "delivered", 200, None),
        (1, 1, "retry", 503, "It answered 503."),
    ]
    await client.delete(path)
    assert (await client.get(f"{path}/deliveries")).status_code == 404


async def test_a_webhook_gets_the_kinds_it_chose(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    path = await registered(client, receiver.url, events=["message.location"])
    started.phone.incoming(ANA, "un texto")
    started.phone.incoming(ANA, "un lugar", type="location")
    (post,) = await receiver.got(1)
    assert post.json["body"] == "un lugar"
    assert (await client.post(f"{path}/test")).json()["accepted"]
    assert (await receiver.got(2))[1].json["kind"] == "location"


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        ({"events": ["mesage"]}, ("'mesage' is none of message, message.audio", "own_message")),
        ({"events": ["message.photo"]}, ("message.image",)),
        ({"events": []}, ("events",)),
        ({"secret": "short"}, ("secret", "16")),
        ({"url": "ftp://localhost/hook"}, ("http:// or https://",)),
        ({"url": "not a URL"}, ("characters that must be encoded",)),
        ({"url": "http://10.0.0.5/hook"}, ("10.0.0.5 is not in WA_CALLBACK_HOSTS",)),
    ],
)
async def test_wrong_input_is_named(
    started: HttpBridge, client: httpx.AsyncClient, given: dict[str, Any], sentences: tuple[str, ...]
) -> None:
    answer = await client.post(LISTENERS, json={"url": "http://localhost:9/hook", **given})
    assert answer.status_code == 400
    assert [one for one in sentences if one not in answer.json()["detail"]] == [], answer.json()["detail"]


def test_the_log_is_bounded_by_number_and_age() -> None:
    log = DeliveryLog()
    for number in range(POSTS + 5):
        log.add("a", record(float(number)))
    assert [one.at for one in log.of("a", 100.0)] == [float(number) for number in range(POSTS + 4, 4, -1)]
    assert [one.at for one in log.of("a", AGE + POSTS + 3)] == [POSTS + 4.0, POSTS + 3.0]
    log.forget("a")
    assert log.of("a", 0.0) == log.of("b", 0.0) == []


def record(at: float) -> PostRecord:
    return PostRecord(at, Stream.IN, 1, 1, PostResult.DELIVERED, 0.1, 200, None, None)
