"""Keys of agents: which chats they see, what they may write, and the sends that a person approves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from bridge.contract.jid import Jid
from bridge.http.agent_sends import DECIDED_WITHIN
from bridge.http.credentials import grant_of, new_key
from bridge.http.limits import HttpLimits
from bridge.ports import ProposalState, Right, Scope
from tests.clocks import ShiftedClock
from tests.http.conftest import ANA, BETO, GROUP, HERE, HttpBridge
from tests.http.test_access import NEEDS, key_for

AGENT = "/v1/sessions/haby/agent"
APPROVALS = "/v1/sessions/haby/approvals"
READ = ["read_history"]
WRITE = ["read_new", "reply"]


async def agent_key(
    side: HttpBridge, chats: Mapping[str, list[str]], *, approval: bool = True, sessions: list[str] | None = None
) -> str:
    grant = grant_of({chat: [*map(Right, rights)] for chat, rights in chats.items()}, approval=approval)
    made = new_key("claude", [Scope.ADMIN], sessions, side.clock.now(), grant)
    async with side.store() as store:
        await store.access.add_key(made.key)
    return made.text


@asynccontextmanager
async def agent(side: HttpBridge, chats: Mapping[str, list[str]], **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    key = await agent_key(side, chats, **more)
    async with side.client(headers={"x-api-key": key}) as client:
        yield client


async def person(side: HttpBridge) -> httpx.AsyncClient:
    return side.client(headers={"x-api-key": await key_for(side, Scope.SEND)})


async def texts(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    answer = await client.get(f"{AGENT}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return [message["text"] for message in answer.json()["messages"]]


async def two_chats(side: HttpBridge) -> None:
    for number in range(3):
        side.phone.incoming(ANA, f"hola de ana {number}")
        side.phone.incoming(BETO, f"hola de beto {number}")
    await side.journalled(6)


async def test_an_agents_key_reaches_no_other_path_whatever_scopes_it_was_made_with(started: HttpBridge) -> None:
    async with agent(started, {"*": [*Right]}) as client:
        for method, path, _ in NEEDS:
            kind = "application/octet-stream" if path in ("/v1/media", "/v1/campaigns/lists") else "application/json"
            body: dict[str, Any] = {"content": b'{"?": 1}', "headers": {"Content-Type": kind}}
            answer = await client.request(method, path, **(body if method == "POST" else {}))
            shown = answer.json() if path == "/v1/sessions" and method == "GET" else None
            assert answer.status_code == 403 or shown == {"sessions": []}, f"{method} {path}: {answer.text}"
        metrics = await client.get("/metrics")
        assert (metrics.status_code, (await client.get("/v1/openapi.json")).status_code) == (403, 200)


async def test_only_the_chats_of_the_key_exist(started: HttpBridge) -> None:
    await two_chats(started)
    started.phone.answers["chats.get"] = {"name": "Ana", "unread": 2}
    async with agent(started, {"+54 9 11 5550-0001": READ}) as client:
        chats = (await client.get(f"{AGENT}/chats")).json()["chats"]
        assert [(one["chat"], one["name"], one["rights"]) for one in chats] == [(ANA, "Ana", READ)]
        assert await texts(client, "messages", chat=ANA) == [f"hola de ana {number}" for number in range(3)]
        assert sorted(await texts(client, "search", q="hola")) == [f"hola de ana {number}" for number in range(3)]
        assert await texts(client, "search", q="beto") == []
        for path in ("messages", "history", "search?q=hola"):
            for chat in (BETO, GROUP, "5491155509999", "x", "*"):
                answer = await client.get(f"{AGENT}/{path}", params={"chat": chat, "q": "hola"})
                assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such chat for this key.")
        answer = await client.post(f"{AGENT}/sends", json={"id": "1", "chat": BETO, "text": "hola"})
        assert answer.status_code == 404


async def test_cursors_say_nothing_of_other_chats_and_work_for_one_key_and_chat(started: HttpBridge) -> None:
    await two_chats(started)
    async with agent(started, {ANA: READ, GROUP: READ}) as client, agent(started, {BETO: READ, ANA: READ}) as other:
        first = (await client.get(f"{AGENT}/messages", params={"chat": ANA, "limit": 1})).json()
        assert ([one["text"] for one in first["messages"]], first["more"]) == (["hola de ana 0"], True)
        assert {"seq", "epoch"}.isdisjoint(first["messages"][0])
        rest = (await client.get(f"{AGENT}/messages", params={"chat": ANA, "after": first["next"]})).json()
        assert len(rest["messages"]) == 2
        assert len(rest["next"]) == len(first["next"])  # a number that grows would count
        for made_up in (first["next"][:-2], "haby:5", "A" * 100):
            answer = await client.get(f"{AGENT}/messages", params={"chat": ANA, "after": made_up})
            assert answer.status_code == 400
        for reader, chat in ((client, GROUP), (other, ANA)):
            answer = await reader.get(f"{AGENT}/messages", params={"chat": chat, "after": first["next"]})
            assert answer.status_code == 400


async def test_history_of_another_chat_is_neither_asked_for_nor_shown(started: HttpBridge) -> None:
    message = {"id": "false_x", "timestamp": 1, "author": None, "kind": "text", "notify_name": "x", "from_me": False}
    started.phone.answers["chats.history"] = {
        "chat": ANA,
        "messages": [{**message, "chat": ANA, "body": "suyo"}, {**message, "chat": BETO, "body": "ajeno"}],
        "complete": True,
    }
    async with agent(started, {ANA: READ}) as client:
        assert await texts(client, "history", chat=ANA) == ["suyo"]
        before = f"false_{BETO}_3EB0"
        assert (await client.get(f"{AGENT}/history", params={"chat": ANA, "before": before})).status_code == 400


async def test_what_was_written_before_the_key_needs_read_history(started: HttpBridge) -> None:
    started.phone.incoming(ANA, "viejo")
    await started.journalled(1)
    async with agent(started, {ANA: ["read_new"]}) as client:
        started.phone.incoming(ANA, "nuevo", timestamp=int(started.clock.now()) + 1)
        await started.journalled(2)
        assert await texts(client, "messages", chat=ANA) == ["nuevo"]
        assert await texts(client, "search", q="viejo") == []
        for path in ("history", "search?q=viejo"):
            answer = await client.get(f"{AGENT}/{path}", params={"chat": ANA, "q": "viejo"})
            assert answer.status_code == 403
        refused = await client.post(f"{AGENT}/sends", json={"id": "1", "chat": ANA, "text": "hola"})
        assert refused.status_code == 403


async def test_a_wait_ends_with_a_message_of_its_chat_alone(started: HttpBridge) -> None:
    async with agent(started, {ANA: ["read_new"]}) as client:
        waiting = asyncio.create_task(client.get(f"{AGENT}/messages", params={"chat": ANA, "wait": 20}))
        await until(lambda: "agent waits" in names())
        started.phone.incoming(BETO, "nada", timestamp=int(started.clock.now()) + 1)
        await started.journalled(1)
        started.phone.incoming(ANA, "respuesta", timestamp=int(started.clock.now()) + 1)
        answer = (await asyncio.wait_for(waiting, HERE)).json()
        assert [one["text"] for one in answer["messages"]] == ["respuesta"]
        empty = await client.get(f"{AGENT}/messages", params={"chat": ANA, "wait": 0.05, "after": answer["next"]})
        assert empty.json()["messages"] == []
        assert (await client.get(f"{AGENT}/messages", params={"chat": ANA, "wait": 601})).status_code == 400


async def test_a_caller_that_dies_while_it_waits_leaves_nothing(started: HttpBridge) -> None:
    async with agent(started, {ANA: ["read_new"]}) as client:
        waiting = asyncio.create_task(client.get(f"{AGENT}/messages", params={"chat": ANA, "wait": 600}))
        await until(lambda: "agent waits" in names())
        waiting.cancel()
    await until(lambda: not names() & {"agent waits", "agent is gone"})


async def test_a_send_waits_for_a_person_and_is_sent_once(started: HttpBridge) -> None:
    await two_chats(started)
    async with agent(started, {ANA: WRITE, BETO: ["read_new"]}) as client, await person(started) as human:
        body = {"id": "a-1", "chat": ANA, "text": "Son las 9."}
        asked = (await client.post(f"{AGENT}/sends", json=body)).json()
        assert (asked["state"], started.phone.sent) == ("waiting_for_approval", [])
        assert (await client.post(f"{AGENT}/sends", json=body)).json()["state"] == "waiting_for_approval"
        assert (await client.post(f"{AGENT}/sends", json={**body, "text": "otra"})).status_code == 409
        (waiting,) = (await human.get(APPROVALS)).json()["approvals"]
        assert (waiting["name"], waiting["chat"], waiting["text"]) == ("claude", ANA, "Son las 9.")
        approve = f"{APPROVALS}/{waiting['number']}/approve"
        assert (await client.post(approve)).status_code == 403  # not by itself
        answers = await asyncio.gather(*(human.post(approve) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]
        await until(lambda: started.phone.sent)
        await client.post(f"{AGENT}/sends", json=body)
        states = await send_state(client, "a-1", "sent")
        assert (states["id"], [one.text for one in started.phone.sent]) == ("a-1", ["Son las 9."])
        cursor = asked["cursor"]
        started.phone.incoming(ANA, "gracias", timestamp=int(started.clock.now()) + 1)
        await started.journalled(7)
        assert await texts(client, "messages", chat=ANA, after=cursor, wait=5) == ["gracias"]


async def test_a_refused_and_an_expired_send_leave_nothing(side: HttpBridge) -> None:
    side.clock = clock = ShiftedClock(0.0)
    await side.start()
    await two_chats(side)
    async with agent(side, {ANA: WRITE}) as client, await person(side) as human:
        await client.post(f"{AGENT}/sends", json={"id": "1", "chat": ANA, "text": "uno"})
        (waiting,) = (await human.get(APPROVALS)).json()["approvals"]
        assert (await human.post(f"{APPROVALS}/{waiting['number']}/refuse")).json()["state"] == "refused"
        await client.post(f"{AGENT}/sends", json={"id": "2", "chat": ANA, "text": "dos"})
        clock.shift += DECIDED_WITHIN
        late = await human.post(f"{APPROVALS}/{waiting['number'] + 1}/approve")
        assert late.status_code == 404
        states = [(await client.get(f"{AGENT}/sends/{number}")).json()["state"] for number in (1, 2)]
        assert (states, side.phone.sent) == (["refused", "expired"], [])


async def test_writing_first_needs_its_own_right_and_sends_of_other_keys_do_not_exist(started: HttpBridge) -> None:
    await two_chats(started)
    stranger = "5491155500009@c.us"
    chats = {ANA: ["reply"], stranger: ["reply"]}
    async with agent(started, chats, approval=False) as client, agent(started, {stranger: ["start_new"]}) as other:
        first = {"id": "1", "chat": stranger, "text": "hola"}
        assert (await client.post(f"{AGENT}/sends", json=first)).status_code == 403
        assert (await other.post(f"{AGENT}/sends", json=first)).json()["state"] == "waiting_for_approval"
        assert (await client.get(f"{AGENT}/sends/1")).status_code == 404
        sent = (await client.post(f"{AGENT}/sends", json={"id": "1", "chat": ANA, "text": "hola"})).json()
        assert sent["state"] in ("accepted", "sending", "sent")
        await until(lambda: len(started.phone.sent) == 1)


async def test_a_repetition_is_answered_once_the_person_has_answered(started: HttpBridge) -> None:
    stranger = "5491155500009@c.us"
    first = {"id": "1", "chat": stranger, "text": "hola"}
    async with agent(started, {stranger: ["start_new"]}, approval=False) as client:
        assert (await client.post(f"{AGENT}/sends", json=first)).status_code == 202
        await send_state(client, "1", "sent")
        started.phone.incoming(stranger, "¿quién es?")
        await started.journalled(1)
        again = await client.post(f"{AGENT}/sends", json=first)
        assert (again.status_code, again.json().get("state")) == (202, "sent")
        for other in ({**first, "text": "otra"}, {**first, "id": "2"}):
            assert (await client.post(f"{AGENT}/sends", json=other)).status_code == 403
    assert len(started.phone.sent) == 1


async def test_one_key_cannot_fill_the_queue(side: HttpBridge) -> None:
    side.limits = replace(side.limits, http=HttpLimits(agent_sends=2))
    await side.start()
    await two_chats(side)
    async with agent(side, {ANA: WRITE}) as client:
        answers = [await client.post(f"{AGENT}/sends", json={"id": f"{n}", "chat": ANA, "text": "x"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]


async def test_what_was_approved_before_a_kill_is_sent_once_after_it(side: HttpBridge) -> None:
    """The bridge dies between the commit of the approval and the claim."""
    side.limits = replace(side.limits, http=HttpLimits(agent_poll=0.05))
    await side.start()
    await two_chats(side)
    async with agent(side, {ANA: WRITE}) as client:
        await client.post(f"{AGENT}/sends", json={"id": "1", "chat": ANA, "text": "una vez"})
        await side.kill()
        async with side.store() as store:  # as `decide` commits it, before it claims
            (waiting,) = await store.proposals.waiting("haby")
            decided = await store.proposals.decide(
                "haby", waiting.number, ProposalState.APPROVED, "person", side.clock.now()
            )
            assert decided is not None
        await side.start()
        await until(lambda: side.phone.sent)
        await side.kill()
        await side.start()
        await send_state(client, "1", "sent")
    assert [one.text for one in side.phone.sent] == ["una vez"]


async def test_each_call_is_a_line_of_the_audit_without_a_body(started: HttpBridge) -> None:
    await two_chats(started)
    async with agent(started, {ANA: WRITE}) as client:
        await client.get(AGENT)
        await texts(client, "messages", chat=ANA)
        await client.post(f"{AGENT}/sends", json={"id": "17", "chat": ANA, "text": "un secreto"})
    async with started.client(headers={"x-api-key": await key_for(started, Scope.ADMIN)}) as client:
        lines = (await client.get("/v1/audit")).json()["audit"]
    assert [(line["action"], line["detail"]) for line in reversed(lines)] == [
        ("agent status", None),
        ("agent messages", "…0001@c.us"),
        ("agent send", "17 …0001@c.us"),
    ]
    assert all(line["actor"].startswith("key ") for line in lines)


async def test_a_person_is_one_chat_under_number_and_lid(started: HttpBridge) -> None:
    lid = "277000000000009@lid"
    started.phone.incoming(lid, "desde el lid", from_pn=Jid.parse(ANA))
    await started.journalled(1)
    async with agent(started, {ANA: READ}) as client:
        assert await texts(client, "messages", chat=ANA) == ["desde el lid"]
        assert await texts(client, "messages", chat=lid) == ["desde el lid"]


async def test_an_agent_of_one_session_does_not_reach_another(side: HttpBridge) -> None:
    side.given |= {"sessions": "haby=51,ventas=52"}
    await side.start()
    async with agent(side, {ANA: READ}, sessions=["ventas"]) as client:
        assert (await client.get(AGENT)).status_code == 403


async def test_keys_of_agents_are_made_over_http(started: HttpBridge) -> None:
    async with started.client() as client:
        body = {"name": "claude", "agent": {"chats": {"5491155500001": READ}}}
        made = (await client.post("/v1/keys", json=body)).json()
        assert (made["scopes"], made["agent"]) == ([], {"chats": {ANA: READ}, "approval": True})
    async with started.client(headers={"x-api-key": made["key"]}) as client:
        assert (await client.get(AGENT)).json()["chats"] == {ANA: READ}


def names() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def until(holds: Any, within: float = HERE) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - tasks and the scripted phone send no event
            await asyncio.sleep(0.01)


async def send_state(client: httpx.AsyncClient, send: str, state: str) -> Any:
    async with asyncio.timeout(HERE):
        while (shown := (await client.get(f"{AGENT}/sends/{send}")).json()).get("state") != state:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return shown
