"""Webhooks end to end: journalled items reach every callback URL, in order, at least once, each at its own pace."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.contract.backoff import Backoff
from bridge.contract.session import SessionState
from bridge.webhooks.limits import WebhookLimits
from tests.http.conftest import ANA, BETO, GROUP, HttpBridge
from tests.http.receiver import Answer, Receiver


@pytest.fixture(autouse=True)
def _retry_soon(side: HttpBridge) -> None:
    side.limits = replace(side.limits, webhooks=WebhookLimits(retry=Backoff(0.05, 60.0, jitter=0.5)))


async def register(client: httpx.AsyncClient, url: str) -> str:
    answer = (await client.post("/api/whatsapp/register-listener", json={"callbackUrl": url})).raise_for_status()
    return str(answer.json()["id"])


async def standing(client: httpx.AsyncClient) -> dict[str, object]:
    listeners = (await client.get("/v1/sessions/haby/listeners")).json()["listeners"]
    assert len(listeners) == 1
    return dict(listeners[0])


async def test_a_message_arrives_as_the_legacy_bridge_posted_it(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    listener = await register(client, receiver.url)
    message = started.phone.incoming(ANA, "¿Hacen envíos? 🚚")
    (post,) = await receiver.got(1)
    assert {name: post.json[name] for name in ("from", "body", "timestamp", "type", "id", "cliente_id")} == {
        "from": ANA,
        "body": "¿Hacen envíos? 🚚",
        "timestamp": message.timestamp,
        "type": "chat",
        "id": f"false_{ANA}_{message.key.id}",
        "cliente_id": 51,
    }
    assert isinstance(post.json["timestamp"], int)
    assert post.path == "/api/message-received"
    assert post.headers["content-type"] == "application/json"
    assert post.headers["host"] == f"localhost:{receiver.port}"
    epoch, seq = post.json["epoch"], post.json["seq"]
    assert post.headers["x-wa-epoch"] == epoch
    assert post.headers["x-wa-seq"] == str(seq) == "1"
    assert post.headers["x-wa-attempt"] == "1"
    assert post.headers["x-wa-delivery"] == f"{listener}.{epoch}.in.1"
    assert "transfer-encoding" not in post.headers


@pytest.mark.parametrize("answer", [Answer(hang=True), Answer(cut=True)])
async def test_a_listener_that_takes_a_message_without_an_answer_gets_the_next_one(
    side: HttpBridge, receiver: Receiver, answer: Answer
) -> None:
    side.given["legacy_timeout"] = 0.3
    async with Receiver() as other:
        await side.start()
        async with side.client() as client:
            await register(client, receiver.url)
            await register(client, other.url)
            receiver.decide = lambda post: answer if post.json["body"] == "uno" else Answer()
            for text in ("uno", "dos", "tres"):
                side.phone.incoming(ANA, text)
            await other.got(3)
            assert len(receiver.posts) <= 1
            await receiver.got(5)
            assert receiver.bodies == ["uno", "uno", "uno", "dos", "tres"]
            (letter,) = (await client.get("/v1/sessions/haby/dead-letters")).json()["letters"]
    assert (letter["seq"], letter["attempts"]) == (1, 3)
    assert letter["failure"] == ("timed_out" if answer.hang else "broken_off")


async def test_a_listener_that_cannot_be_reached_gets_its_message_later(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    await receiver.stop()
    started.phone.incoming(ANA, "uno")
    async with asyncio.timeout(15):
        while int(str((await standing(client))["failures"])) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await receiver.start()
    await receiver.got(1)
    assert receiver.bodies == ["uno"]


async def test_own_messages_statuses_and_newsletters_are_not_posted(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    started.phone.own(ANA, "written on the phone")
    started.phone.incoming("status@broadcast", "a status", author=ANA)
    started.phone.incoming("120363000000000009@newsletter", "news")
    started.phone.incoming(ANA, "a message")
    await receiver.got(1)
    assert receiver.bodies == ["a message"]


async def test_a_new_webhook_starts_at_the_newest_message(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    started.phone.incoming(ANA, "before")
    await started.journalled(1)
    await register(client, receiver.url)
    started.phone.incoming(ANA, "after")
    await receiver.got(1)
    assert receiver.bodies == ["after"]


async def test_messages_arrive_in_order_and_failed_ones_come_first(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    receiver.answers = [Answer(500), Answer(503), Answer(408), Answer(429), Answer(502)]
    for number in range(5):
        started.phone.incoming(ANA, str(number))
    await receiver.got(10)
    assert receiver.bodies == ["0"] * 6 + ["1", "2", "3", "4"]
    assert [post.headers["x-wa-attempt"] for post in receiver.posts[:7]] == ["1", "2", "3", "4", "5", "6", "1"]
    assert len({post.headers["x-wa-delivery"] for post in receiver.posts}) == 5


async def test_a_receiver_names_its_own_pause(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    receiver.answers = [Answer(429, {"Retry-After": "1"})]
    started.phone.incoming(ANA, "hola")
    first, second = await receiver.got(2)
    assert second.at - first.at >= 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 301, 302, 307])
async def test_a_refusal_is_a_dead_letter_and_the_next_message_is_posted(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver, status: int
) -> None:
    await register(client, receiver.url)
    receiver.answers = [Answer(status, {"Location": "http://localhost:1/elsewhere"})]
    started.phone.incoming(ANA, "refused")
    started.phone.incoming(ANA, "taken")
    await receiver.got(2)
    assert receiver.bodies == ["refused", "taken"]
    (letter,) = (await client.get("/v1/sessions/haby/dead-letters")).json()["letters"]
    assert (letter["status"], letter["url"], json.loads(letter["body"])["body"]) == (status, receiver.url, "refused")

    again = await client.post(f"/v1/sessions/haby/dead-letters/{letter['number']}/repeat")
    assert again.json() == {"delivered": True, "status": 200, "error": None, "failure": None}
    assert receiver.posts[2].headers["x-wa-delivery"] == receiver.posts[0].headers["x-wa-delivery"]
    assert (await client.get("/v1/sessions/haby/dead-letters")).json() == {"letters": []}


async def test_a_webhook_that_hangs_does_not_delay_others(started: HttpBridge, client: httpx.AsyncClient) -> None:
    async with Receiver() as dead, Receiver() as alive:
        dead.decide = lambda _: Answer(hang=True)
        await register(client, dead.url)
        await register(client, alive.url)
        for number in range(20):
            started.phone.incoming(ANA, str(number))
        asked = time.monotonic()
        await alive.got(20)
        assert time.monotonic() - asked < 4.0  # less than the timeout of one post to the hanging one
        assert len(dead.posts) == 1


async def test_a_slow_webhook_gets_the_chats_beside_each_other_and_each_in_order(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    receiver.decide = lambda _: Answer(delay=0.2)
    people = [f"54911555500{number:02d}@c.us" for number in range(20, 40)]
    asked = time.monotonic()
    for text in ("uno", "dos"):
        for person in people:
            started.phone.incoming(person, text)
    await receiver.got(40)
    assert time.monotonic() - asked < 4.0  # one after another they take 8 s
    for person in people:
        assert [post.json["body"] for post in receiver.posts if post.json["from"] == person] == ["uno", "dos"]


async def test_a_message_that_a_webhook_cannot_process_holds_only_its_chat(
    side: HttpBridge, receiver: Receiver
) -> None:
    side.limits = replace(side.limits, webhooks=WebhookLimits(retry=Backoff(0.2, 0.2)))
    await side.start()
    receiver.decide = lambda post: Answer(500) if post.json["body"] == "poison" else Answer()
    async with side.client() as client:
        await register(client, receiver.url)
        for person, text in ((ANA, "poison"), (ANA, "behind it"), (BETO, "uno"), (BETO, "dos")):
            side.phone.incoming(person, text)
        await receiver.got(3)
        assert (await standing(client))["lag"] >= 2  # type: ignore[operator]
        while int(str((await standing(client))["failures"])) < 5:  # the circuit opens  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        side.phone.incoming(BETO, "tres")
        while "tres" not in receiver.bodies:
            await receiver.got(len(receiver.posts) + 1)
        assert "behind it" not in receiver.bodies
        while "behind it" not in receiver.bodies:
            await receiver.got(len(receiver.posts) + 1)
        (letter,) = (await client.get("/v1/sessions/haby/dead-letters")).json()["letters"]
    assert [text for text in receiver.bodies if text != "poison"] == ["uno", "dos", "tres", "behind it"]
    assert (letter["attempts"], receiver.bodies.count("poison")) == (20, 20)


async def test_messages_missed_while_the_receiver_was_down_arrive_when_it_is_back(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    await receiver.stop()
    for number in range(3):
        started.phone.incoming(ANA, str(number))
    await started.journalled(3)
    await receiver.start()
    # A legacy responder registers when it starts; that shows that it runs, so the retry pause is skipped.
    await register(client, receiver.url)
    await receiver.got(3)
    assert receiver.bodies == ["0", "1", "2"]


async def test_a_restart_in_the_middle_of_deliveries_loses_nothing_and_keeps_the_order(
    side: HttpBridge, receiver: Receiver
) -> None:
    await side.start()
    async with side.client() as client:
        await register(client, receiver.url)
    receiver.decide = lambda post: Answer(503) if post.json["body"] == "3" else Answer()
    for number in range(6):
        side.phone.incoming(ANA, str(number))
    await receiver.got(5)
    await side.kill()
    receiver.decide, posted = None, len(receiver.posts)
    await side.start()
    await receiver.got(posted + 3)
    texts = receiver.bodies
    assert [text for text in texts if text != "3"] == ["0", "1", "2", "4", "5"]
    assert texts.index("3") == 3
    assert texts[-3:] == ["3", "4", "5"]


async def test_a_webhook_survives_a_clean_restart_without_a_repetition(side: HttpBridge, receiver: Receiver) -> None:
    await side.start()
    async with side.client() as client:
        await register(client, receiver.url)
    side.phone.incoming(ANA, "before")
    await receiver.got(1)
    await side.stop()
    side.phone.incoming(ANA, "while it was away")
    await side.start()
    await receiver.got(2)
    assert receiver.bodies == ["before", "while it was away"]


async def test_unregistering_and_registering_again_misses_nothing(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    first = await register(client, receiver.url)
    await client.post("/api/whatsapp/unregister-listener", json={"callbackUrl": receiver.url})
    started.phone.incoming(ANA, "while it restarts")
    await started.journalled(1)
    assert receiver.posts == []
    assert await register(client, receiver.url) == first
    await receiver.got(1)


async def test_after_ten_minutes_it_is_a_new_webhook(side: HttpBridge, receiver: Receiver) -> None:
    assert side.limits.webhooks.ended_retention == 600
    side.limits = replace(side.limits, webhooks=WebhookLimits(ended_retention=0.0))
    await side.start()
    async with side.client() as client:
        first = await register(client, receiver.url)
        await client.post("/api/whatsapp/unregister-listener", json={"callbackUrl": receiver.url})
        side.phone.incoming(ANA, "not for it")
        await side.journalled(1)
        assert await register(client, receiver.url) != first
    side.phone.incoming(ANA, "for it")
    await receiver.got(1)
    assert receiver.bodies == ["for it"]


@pytest.mark.parametrize(("switch", "expected"), [(False, ["to me"]), (True, ["to all", "to me"])])
async def test_groups_reach_legacy_listeners_only_when_switched_on(
    side: HttpBridge, receiver: Receiver, switch: bool, expected: list[str]
) -> None:
    side.given["legacy_groups"] = switch
    await side.start()
    async with side.client() as client:
        await register(client, receiver.url)
        side.phone.incoming(GROUP, "to all", author=ANA)
        side.phone.incoming(ANA, "to me")
        await receiver.got(len(expected))
    assert receiver.bodies == expected


async def test_filters_choose_kinds_chats_and_groups(started: HttpBridge, client: httpx.AsyncClient) -> None:
    async with Receiver() as only_beto, Receiver() as own, Receiver() as no_groups:
        for body in (
            {"url": only_beto.url, "chats": ["011 15 5550-0002"]},
            {"url": own.url, "events": ["own_message"]},
            {"url": no_groups.url, "groups": False},
        ):
            assert (await client.post("/v1/sessions/haby/listeners", json=body)).status_code == 201
        started.phone.incoming(GROUP, "group", author=BETO)
        started.phone.incoming(ANA, "ana")
        started.phone.own(ANA, "mine")
        started.phone.incoming(BETO, "beto")
        (event,) = await own.got(1)
        await only_beto.got(1)
        await no_groups.got(2)
    assert only_beto.bodies == ["beto"]
    assert no_groups.bodies == ["ana", "beto"]
    assert (event.json["kind"], event.json["message"]["body"]) == ("own_message", "mine")
    assert event.headers["x-wa-stream"] == "event"


@pytest.mark.parametrize(
    ("chosen", "why"),
    [({"groups": False, "chats": [GROUP]}, GROUP), ({"chats": []}, "chats is empty")],
)
async def test_a_filter_that_nothing_can_pass_is_refused(
    started: HttpBridge, client: httpx.AsyncClient, chosen: dict[str, Any], why: str
) -> None:
    answer = await client.post("/v1/sessions/haby/listeners", json={"url": "http://127.0.0.1:1/x", **chosen})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "Nothing can match" in answer.json()["detail"]
    assert why in answer.json()["detail"]


async def test_keys_and_webhooks_of_sessions_that_are_not_configured_are_reported_at_the_start(
    started: HttpBridge, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    url = "http://127.0.0.1:1/vieja"
    assert (await client.post("/v1/sessions/haby/listeners", json={"url": url})).status_code == 201
    answer = await client.post("/v1/keys", json={"name": "till", "sessions": ["haby"]})
    assert answer.status_code == 201
    await started.stop()
    started.given["sessions"] = "nueva=52"
    caplog.clear()
    await started.start(until=None)
    warned = [line.getMessage() for line in caplog.records if "this bridge does not run" in line.getMessage()]
    assert len(warned) == 2
    assert "(till) is for haby" in warned[0]
    assert f"{url} belongs to the session haby" in warned[1]


async def test_deliveries_are_signed_with_the_webhooks_secret(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = (await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})).json()
    again = (await client.post("/v1/sessions/haby/listeners", json={"url": receiver.url})).json()
    assert (again["id"], again["signed"], again["secret"]) == (made["id"], True, None)
    started.phone.incoming(ANA, "ñandú")
    (post,) = await receiver.got(1)
    expected = hmac.new(made["secret"].encode(), post.body, hashlib.sha256).hexdigest()
    assert post.headers["x-hub-signature-256"] == f"sha256={expected}"


async def test_the_state_of_a_failing_webhook_is_shown(
    started: HttpBridge, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    receiver.decide = lambda _: Answer(503)
    for text in ("first", "second"):
        started.phone.incoming(ANA, text)
    await receiver.got(6)
    seen = await standing(client)
    assert seen["circuit"] in ("open", "half_open")
    assert (seen["lag"], seen["last_status"], seen["last_error"]) == (2, 503, "It answered 503.")
    receiver.decide = None
    await register(client, receiver.url)

    while "second" not in receiver.bodies:
        await receiver.got(len(receiver.posts) + 1)
    while (seen := await standing(client))["lag"]:
        pass
    assert (seen["circuit"], seen["failures"], seen["last_error"], seen["delivered"]) == ("closed", 0, None, 2)


async def test_a_webhook_registered_while_the_session_is_down_starts_with_the_session(
    side: HttpBridge, receiver: Receiver
) -> None:
    side.phone.paired = False
    await side.start(until=SessionState.PAIRING)
    async with side.client() as client:
        await register(client, receiver.url)
        side.phone.pair()
        await side.reach(SessionState.CONNECTED)
        side.phone.incoming(ANA, "first of all")
        await receiver.got(1)
    assert receiver.bodies == ["first of all"]
