"""Who may do what: every route with every scope, keys, tokens, and the trust in this machine where there are none."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest

from bridge.asgi.bearer import LEEWAY
from bridge.asgi.limits import GuessLimits
from bridge.contract.errors import StartError
from bridge.contract.pace import Pace
from bridge.http.credentials import new_key
from bridge.http.limits import HttpLimits
from bridge.http.listener import listen
from bridge.http.panel_sessions import LOGINS_OF_ONE
from bridge.ports import Scope
from tests.http.conftest import HttpBridge

SECRET = "a secret that is long enough for HS256"
KEYS_OF = {"haby": ["haby"], "ventas": ["ventas"], "all": None}
NEEDS: list[tuple[str, str, Scope | None]] = [
    ("POST", "/api/whatsapp/register-listener", Scope.LISTEN),
    ("POST", "/api/whatsapp/unregister-listener", Scope.LISTEN),
    ("POST", "/api/whatsapp/send", Scope.SEND),
    ("GET", "/api/whatsapp/status", None),
    ("GET", "/haby/api/wapp-session", Scope.ADMIN),
    ("GET", "/haby/api/wapp-session/status", Scope.ADMIN),
    ("GET", "/haby/api/wapp-session/qr-image", Scope.ADMIN),
    ("POST", "/haby/api/wapp-session/init", Scope.ADMIN),
    ("POST", "/haby/api/wapp-session/close", Scope.ADMIN),
    ("GET", "/api/bot-config/status/51", None),
    ("POST", "/api/bot-config/toggle/51", Scope.ADMIN),
    ("GET", "/v1/sessions", None),
    ("GET", "/v1/sessions/haby", None),
    ("POST", "/v1/sessions", Scope.ADMIN),
    ("DELETE", "/v1/sessions/haby", Scope.ADMIN),  # the only one: refused
    ("GET", "/v1/sessions/haby/options", Scope.ADMIN),
    ("PATCH", "/v1/sessions/haby/options", Scope.ADMIN),
    *(("GET", f"/v1/campaigns{path}", Scope.SEND) for path in ("", "/lists", "/opt-outs", "/x", "/x/recipients")),
    *(("GET", f"/v1/campaigns/x/{path}", Scope.SEND) for path in ("history", "report.csv")),
    *(("POST", f"/v1/campaigns{path}", Scope.SEND) for path in ("", "/lists", "/opt-outs", "/x/typing")),
    *(("DELETE", f"/v1/campaigns/{path}", Scope.SEND) for path in ("x", "lists/x", "opt-outs/x")),
    ("GET", "/v1/responder/chats", Scope.LISTEN),
    ("GET", "/v1/responder/chats/at?session=haby&chat=x", Scope.LISTEN),
    *(("POST", f"/v1/responder/chats/1/{path}", Scope.SEND) for path in ("pause", "opt-in")),
    ("GET", "/v1/responder/templates", Scope.SEND),
    *(("GET", f"/v1/responder/{path}", Scope.ADMIN) for path in ("rules", "switches", "settings")),
    ("GET", "/v1/campaigns/settings", Scope.ADMIN),
    *(("POST", f"/v1/responder/{path}", Scope.ADMIN) for path in ("rules/check", "rules/try", "switches/active")),
    *(("PUT", f"/v1/responder/rules{path}", Scope.ADMIN) for path in ("", "/hours", "/templates")),
    ("GET", "/v1/sessions/haby/qr", Scope.ADMIN),
    ("GET", "/v1/sessions/haby/qr.png", Scope.ADMIN),
    ("GET", "/v1/sessions/haby/passkey", Scope.ADMIN),
    ("POST", "/v1/sessions/haby/control", Scope.ADMIN),
    ("GET", "/v1/sessions/haby/messages", Scope.LISTEN),
    ("GET", "/v1/sessions/haby/media", Scope.LISTEN),
    ("GET", f"/v1/media/{'0' * 64}", Scope.LISTEN),
    ("GET", f"/v1/media/{'0' * 64}/upload", Scope.SEND),
    ("POST", "/v1/media", Scope.SEND),
    ("GET", "/v1/sessions/haby/events?after=x", Scope.LISTEN),
    ("POST", "/v1/sessions/haby/sends", Scope.SEND),
    ("POST", "/v1/sessions/haby/requests/typing", Scope.SEND),
    ("GET", "/v1/sessions/haby/sends/x", Scope.SEND),
    ("DELETE", "/v1/sessions/haby/sends/x", Scope.SEND),
    ("GET", "/v1/sessions/haby/listeners", Scope.LISTEN),
    ("POST", "/v1/sessions/haby/listeners", Scope.LISTEN),
    ("GET", "/v1/sessions/haby/listeners/x", Scope.LISTEN),
    ("DELETE", "/v1/sessions/haby/listeners/x", Scope.LISTEN),
    ("GET", "/v1/sessions/haby/dead-letters", Scope.LISTEN),
    ("POST", "/v1/sessions/haby/dead-letters/1/repeat", Scope.LISTEN),
    ("DELETE", "/v1/sessions/haby/dead-letters/1", Scope.LISTEN),
    ("GET", "/v1/audit", Scope.ADMIN),
    ("GET", "/v1/log", Scope.ADMIN),
    ("GET", "/v1/settings", Scope.ADMIN),
    ("GET", "/v1/broker", Scope.ADMIN),
    ("POST", "/v1/broker/users", Scope.ADMIN),
    ("DELETE", "/v1/broker/users/x", Scope.ADMIN),
    ("GET", "/v1/keys", Scope.ADMIN),
    ("POST", "/v1/keys", Scope.ADMIN),
    ("DELETE", "/v1/keys/x", Scope.ADMIN),
    ("GET", "/v1/sessions/haby/history", None),
    ("GET", "/v1/sessions/haby/states", None),
    ("GET", "/v1/sessions/haby/sends", Scope.SEND),
    ("POST", "/v1/sessions/haby/listeners/x/pause", Scope.LISTEN),
    ("POST", "/v1/sessions/haby/listeners/x/resume", Scope.LISTEN),
    ("POST", "/v1/sessions/haby/listeners/x/test", Scope.LISTEN),
    ("GET", "/v1/sessions/haby/listeners/x/deliveries", Scope.LISTEN),
    ("GET", "/v1/sessions/haby/approvals", Scope.SEND),
    ("POST", "/v1/sessions/haby/approvals/1/approve", Scope.SEND),
]
#: For keys of agents alone: no scope is enough, and these keys reach nothing else (tests/http/test_agents.py).
AGENT_ROUTES = [
    ("GET", "/v1/sessions/haby/agent"),
    *(("GET", f"/v1/sessions/haby/agent/{noun}") for noun in ("chats", "messages", "history", "search", "sends/x")),
    ("POST", "/v1/sessions/haby/agent/sends"),
]


async def key_for(side: HttpBridge, *scopes: Scope, sessions: list[str] | None = None) -> str:
    made = new_key("test", scopes, sessions, side.clock.now())
    async with side.store() as store:
        await store.access.add_key(made.key)
    return made.text


async def revoke(side: HttpBridge) -> None:
    """Revoke the newest key, as `wa key` does: in another process."""
    async with side.store() as store:
        *_, newest = await store.access.keys()
        assert await store.access.revoke_key(newest.id, side.clock.now())


def token(*, expires_in: float = 60, **claims: Any) -> str:
    ours = {"sub": "node-red", "aud": "whatsapp-mqtt-bridge", "exp": time.time() + expires_in, "scope": "send listen"}
    return jwt.encode({name: value for name, value in (ours | claims).items() if value is not None}, SECRET, "HS256")


@pytest.fixture
async def keyed(side: HttpBridge) -> HttpBridge:
    """A bridge with the single key of the legacy document and with tokens."""
    side.given |= {"api_key": "the-legacy-key", "jwt_secret": SECRET}
    await side.start()
    return side


async def test_every_route_is_in_the_table_of_scopes(client: httpx.AsyncClient) -> None:
    document = (await client.get("/v1/openapi.json")).json()
    routes = {
        (method.upper(), path.replace("{session}", "haby").replace("{clienteId}", "51").replace("{number}", "1"))
        for path, item in document["paths"].items()
        for method in item
    }
    given = {"{id}": "x", "{listener}": "x", "{name}": "x", "{action}": "typing", "{sha256}": "0" * 64}
    given |= {"{campaign}": "x", "{list_id}": "x", "{to}": "x", "{decision}": "approve", "{chat_id}": "1"}
    for name, value in given.items():
        routes = {(method, path.replace(name, value)) for method, path in routes}
    assert routes - {("GET", "/health")} == {
        *AGENT_ROUTES,
        *((method, path.partition("?")[0]) for method, path, _ in NEEDS),
    }


@pytest.mark.parametrize("scope", [*Scope, None])
async def test_every_route_with_every_scope(keyed: HttpBridge, scope: Scope | None) -> None:
    key = await key_for(keyed, *([scope] if scope else []))
    async with keyed.client() as client:
        for method, path, needed in NEEDS:
            allowed = needed is None or scope in (needed, Scope.ADMIN)
            # A body that no route takes, so that nothing happens where the scope is enough.
            kind = "application/octet-stream" if path in ("/v1/media", "/v1/campaigns/lists") else "application/json"
            headers, body = {"Content-Type": kind}, b'{"?": 1}' if method == "POST" else b""
            answer = await client.request(method, path, headers={"x-api-key": key, **headers}, content=body)
            assert (answer.status_code != 403) is allowed, f"{scope} {method} {path}: {answer.text}"
            anonymous = await client.request(method, path, headers=headers, content=body)
            assert anonymous.status_code == 401, f"{method} {path}"
        for method, path in AGENT_ROUTES:
            sent = {"?": 1} if method == "POST" else None
            answer = await client.request(method, path, headers={"x-api-key": key}, json=sent)
            assert answer.status_code == 403, f"{scope} {method} {path}: {answer.text}"


async def test_the_single_key_of_the_legacy_document_may_do_everything(keyed: HttpBridge) -> None:
    async with keyed.client(headers={"x-api-key": "the-legacy-key"}) as client:
        assert (await client.get("/api/whatsapp/status")).status_code == 200
        assert (await client.get("/v1/audit")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "the-legacy-keY"},
        {"x-api-key": "wak_000000000000_" + "0" * 48},
        {"x-api-key": "ñ" * 5000},
        {"Authorization": "Bearer the-legacy-key"},
        {"Authorization": "Basic YTpi"},
    ],
    ids=str,
)
async def test_every_invalid_credential_gets_the_same_answer(keyed: HttpBridge, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    async with keyed.client() as client:
        legacy = await client.get("/api/whatsapp/status", headers=encoded)
        modern = await client.get("/v1/sessions", headers=encoded)
        unknown = await client.get("/api/nothing", headers=encoded)
    assert (legacy.status_code, legacy.json()) == (401, {"error": "Unauthorized"})
    assert (modern.status_code, modern.json()["code"]) == (401, "unauthorized")
    assert modern.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in modern.headers
    assert unknown.status_code == 401  # an unidentified caller does not learn which paths exist


async def test_a_key_for_one_session_reaches_no_other(side: HttpBridge) -> None:
    side.given |= {"sessions": "haby=51,ventas=52"}
    key = await key_for(side, Scope.ADMIN, sessions=["ventas"])
    await side.start()
    async with side.client(headers={"x-api-key": key}) as client:
        assert (await client.get("/v1/sessions/ventas")).status_code == 200
        assert (await client.get("/v1/sessions/haby")).status_code == 403
        assert (await client.get("/haby/api/wapp-session")).status_code == 403
        assert (await client.get("/api/whatsapp/status")).status_code == 403  # speaks of the default session
        assert (await client.get("/api/bot-config/status/52")).status_code == 200
        assert (await client.get("/api/bot-config/status/51")).status_code == 403
        listed = (await client.get("/v1/sessions")).json()["sessions"]
    assert [one["session"] for one in listed] == ["ventas"]


async def test_a_key_for_one_session_reaches_no_other_client_in_any_spelling(side: HttpBridge) -> None:
    """53 is no session's client: it may be that of another bridge with the same responder."""
    side.given |= {"sessions": "haby=51,ventas=52"}
    keys = {name: await key_for(side, Scope.ADMIN, sessions=sessions) for name, sessions in KEYS_OF.items()}
    await side.start()
    async with side.client() as client:

        async def statuses(name: str, spelling: str) -> tuple[int, int]:
            shown, path = {"x-api-key": keys[name]}, "/api/bot-config"
            read = await client.get(f"{path}/status/{spelling}", headers=shown)
            changed = await client.post(f"{path}/toggle/{spelling}", headers=shown, json={"bot_activo": 2})
            return read.status_code, changed.status_code

        for spelling in ("52", "052", "+52", "%2052", "52%20", "52.0", "5_2"):
            assert await statuses("haby", spelling) == (403, 403), spelling
            assert await statuses("ventas", spelling) == (200, 400), spelling
        for spelling in ("53", "x"):
            assert await statuses("haby", spelling) == await statuses("ventas", spelling) == (403, 403), spelling
            assert await statuses("all", spelling) == (200 if spelling == "53" else 400, 400)


async def test_a_client_of_two_sessions_needs_a_key_for_both(side: HttpBridge) -> None:
    side.given |= {"sessions": "haby=51,ventas=51"}
    one = await key_for(side, Scope.ADMIN, sessions=["haby"])
    both = await key_for(side, Scope.ADMIN, sessions=["haby", "ventas"])
    await side.start()
    async with side.client() as client:
        for key, status in ((one, 403), (both, 200)):
            answer = await client.get("/api/bot-config/status/51", headers={"x-api-key": key})
            assert answer.status_code == status


async def test_metrics_and_audit_are_those_of_the_sessions_of_a_key(side: HttpBridge) -> None:
    side.given |= {"sessions": "haby=51,ventas=52"}
    key = await key_for(side, Scope.ADMIN, sessions=["ventas"])
    every = await key_for(side, Scope.ADMIN)
    await side.start()
    async with side.client(headers={"x-api-key": every}) as client:
        await client.post("/v1/sessions/ventas/control", json={"action": "restart"})
        await client.post("/v1/keys", json={"name": "more"})
        for _ in range(3):
            await client.post("/v1/sessions/haby/control", json={"action": "restart"})
        whole = (await client.get("/metrics")).text
        assert len((await client.get("/v1/audit")).json()["audit"]) == 5
    async with side.client(headers={"x-api-key": key}) as client:
        (line,) = (await client.get("/v1/audit?limit=1")).json()["audit"]
        assert (line["session"], line["action"]) == ("ventas", "restart")
        assert len((await client.get("/v1/audit")).json()["audit"]) == 1
        restricted = (await client.get("/metrics")).text
    assert 'session="haby"' in whole
    assert 'session="ventas"' in restricted
    assert 'session="haby"' not in restricted


async def test_logins_of_one_key_end_no_other_login(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    await side.start()
    key = await key_for(side, Scope.SEND)
    async with side.client() as admin, side.client() as first, side.client(headers={"x-api-key": key}) as sender:
        await admin.post("/panel/login", headers={"x-api-key": "the-legacy-key"})
        await first.post("/panel/login", headers={"x-api-key": key})
        for _ in range(LOGINS_OF_ONE):
            await sender.post("/panel/login")
            sender.cookies.clear()
        assert (await admin.get("/v1/keys")).status_code == 200
        assert (await first.get("/v1/sessions")).status_code == 401  # its own oldest


async def test_a_key_works_at_once_and_no_longer_when_it_is_revoked(side: HttpBridge) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    side.limits = replace(side.limits, http=HttpLimits(key_cache=0.5))
    await side.start()
    async with side.client() as client:
        assert (await client.get("/v1/sessions", headers={"x-api-key": "the-legacy-key"})).status_code == 200
        key = await key_for(side, Scope.SEND)
        assert (await client.get("/v1/sessions", headers={"x-api-key": key})).status_code == 200
        async with side.store() as store:
            (stored,) = await store.access.keys()
            assert key.rpartition("_")[2] not in repr(stored)  # only its hash is kept
            assert await store.access.revoke_key(stored.id, side.clock.now())
        async with asyncio.timeout(5):
            while (await client.get("/v1/sessions", headers={"x-api-key": key})).status_code != 401:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("header", ["x-api-key", "Authorization"])
@pytest.mark.parametrize("logins", [1, 3])
async def test_a_login_ends_with_the_key_that_it_was_made_from(side: HttpBridge, header: str, logins: int) -> None:
    side.given |= {"api_key": "the-legacy-key"}
    await side.start()
    key = await key_for(side, Scope.ADMIN)
    async with side.client() as client:
        shown = f"Bearer {key}" if header == "Authorization" else key
        made = await client.post("/panel/login", headers={header: shown})
        for _ in range(logins - 1):  # by the cookie of the one before
            made = await client.post("/panel/login", headers={"x-csrf-token": made.json()["csrf"]})
            assert made.status_code == 200
        assert (await client.get("/v1/keys")).status_code == 200
        await revoke(side)
        await asyncio.sleep(1)
        assert (await client.get("/v1/keys")).status_code == 401
        changed = await client.post("/v1/keys", headers={"x-csrf-token": made.json()["csrf"]}, json={"name": "more"})
        assert changed.status_code == 401


async def test_a_login_ends_with_its_token(keyed: HttpBridge) -> None:
    async with keyed.client() as client:
        short = {"Authorization": f"Bearer {token(expires_in=3 - LEEWAY, scope='admin')}"}
        made = await client.post("/panel/login", headers=short)
        again = await client.post("/panel/login", headers={"x-csrf-token": made.json()["csrf"]})
        assert (made.status_code, again.status_code) == (200, 200)
        await asyncio.sleep(3.5)
        assert (await client.get("/v1/sessions")).status_code == 401


async def test_a_login_without_a_credential_ends_with_the_trust_in_this_machine(started: HttpBridge) -> None:
    async with started.client() as panel, started.client() as other:
        made = {"x-csrf-token": (await panel.post("/panel/login")).json()["csrf"]}
        await other.post("/panel/login")
        assert (await panel.post("/v1/keys", json={"name": "first"})).status_code == 201  # before: no token is needed
        assert (await other.get("/v1/keys")).status_code == 401
        # who made the key is not locked out, with every later login from there
        assert (await panel.post("/panel/login", headers=made)).status_code == 200
        assert (await panel.get("/v1/keys")).status_code == 200


@pytest.mark.parametrize("by", ["key", "cookie", "token"])
async def test_an_event_stream_ends_with_its_credential(keyed: HttpBridge, by: str) -> None:
    key = await key_for(keyed, Scope.LISTEN)
    shown = {"Authorization": f"Bearer {token(expires_in=3 - LEEWAY)}"} if by == "token" else {"x-api-key": key}
    async with keyed.client() as client:
        if by == "cookie":
            await client.post("/panel/login", headers=shown)
            shown = {}
        async with client.stream("GET", "/v1/sessions/haby/events", headers=shown) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == ": connected"
            await revoke(keyed)
            async with asyncio.timeout(5 if by == "token" else 2):
                assert [line async for line in lines if line] == []


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"scope": ["send"]}, 200),
        ({"expires_in": -60}, 401),
        ({"exp": None}, 401),
        ({"aud": "another service"}, 401),
        ({"aud": None}, 401),
        ({"sub": None}, 401),
        ({"sessions": ["haby"]}, 200),
        ({"sessions": ["ventas"]}, 403),
        ({"sessions": "haby"}, 401),
        ({"scope": "everything"}, 403),
        ({"scope": None}, 403),
        ({"scope": 7}, 403),
    ],
    ids=str,
)
async def test_tokens(keyed: HttpBridge, claims: dict[str, Any], status: int) -> None:
    async with keyed.client(headers={"Authorization": f"Bearer {token(**claims)}"}) as client:
        answer = await client.get("/v1/sessions/haby/sends/unknown")
    assert answer.status_code == (404 if status == 200 else status)


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
async def test_tokens_of_another_algorithm_are_refused(keyed: HttpBridge, algorithm: str) -> None:
    claims = {"sub": "x", "aud": "whatsapp-mqtt-bridge", "exp": time.time() + 60, "scope": "admin"}
    forged = jwt.encode(claims, "" if algorithm == "none" else SECRET * 3, algorithm)
    async with keyed.client(headers={"Authorization": f"Bearer {forged}"}) as client:
        assert (await client.get("/v1/sessions")).status_code == 401


async def test_guessing_is_slowed_down_and_a_right_key_is_not(keyed: HttpBridge) -> None:
    async with keyed.client() as client:
        right = {"x-api-key": "the-legacy-key"}
        assert (await client.get("/v1/sessions", headers=right)).status_code == 200
        answers = [await client.get("/v1/sessions", headers={"x-api-key": f"guess {n}"}) for n in range(25)]
        assert (await client.get("/v1/sessions", headers=right)).status_code == 200
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 5
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:3011"}, 200),
        ({"Host": "[::1]:3011"}, 200),
        ({"Host": "127.0.0.2"}, 403),
        ({"Via": "1.1 squid"}, 403),
        ({"X-Real-IP": "127.0.0.1"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "192.168.1.10:3011"}, 403),
        ({"Host": ""}, 403),
        ({"X-Forwarded-For": "127.0.0.1"}, 403),
        ({"X-Forwarded-Host": "localhost"}, 403),
        ({"Forwarded": "for=127.0.0.1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
    ids=str,
)
async def test_without_keys_only_this_machine_is_trusted(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.get("/api/whatsapp/status", headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


async def test_pages_of_this_origin_may_call(started: HttpBridge, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/sessions", headers={"Origin": started.url})).status_code == 200


async def test_guesses_count_for_the_address_that_makes_them(keyed: HttpBridge) -> None:
    """A program that reaches the server without a proxy cannot be another address in each request."""
    async with keyed.client() as client:
        answers = [
            await client.get("/v1/sessions", headers={"x-api-key": f"guess {n}", "X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(25)
        ]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 5


async def test_guesses_through_a_proxy_are_limited_in_all(keyed: HttpBridge) -> None:
    keyed.given |= {"http_proxies": "loopback"}
    guesses = GuessLimits(through_proxy=Pace.parse("30/minute", burst=30))
    keyed.limits = replace(keyed.limits, http=HttpLimits(guesses=guesses))
    await keyed.stop()
    await keyed.start()
    async with keyed.client() as client:
        answers = [
            await client.get("/v1/sessions", headers={"x-api-key": f"guess {n}", "X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(35)
        ]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429] * 5


@pytest.mark.parametrize("proxies", ["loopback", ""])
async def test_with_a_key_a_proxy_may_forward(keyed: HttpBridge, proxies: str) -> None:
    keyed.given |= {"http_proxies": proxies}
    await keyed.stop()
    await keyed.start()
    headers = {"x-api-key": "the-legacy-key", "X-Forwarded-For": "203.0.113.7", "Host": "wa.example.com"}
    async with keyed.client(headers=headers) as client:
        (await client.post("/haby/api/wapp-session/close")).raise_for_status()
        (entry,) = (await client.get("/v1/audit")).json()["audit"]
    assert (entry["action"], entry["session"], entry["actor"]) == ("logout", "haby", "WHATSAPP_API_KEY")
    assert entry["address"] == ("203.0.113.7" if proxies else "127.0.0.1")


async def test_after_the_first_key_every_request_needs_one(started: HttpBridge) -> None:
    async with started.client() as client:
        assert (await client.get("/v1/sessions")).status_code == 200
    key = await key_for(started, Scope.SEND)
    await started.stop()
    await started.start()
    async with started.client() as client:
        assert (await client.get("/v1/sessions")).status_code == 401
        assert (await client.get("/v1/sessions", headers={"x-api-key": key})).status_code == 200


async def test_without_keys_it_does_not_listen_beyond_this_machine(side: HttpBridge) -> None:
    side.host = "0.0.0.0"
    with pytest.raises(BaseExceptionGroup) as raised:
        await side.start()
    refused = raised.value.subgroup(StartError)
    assert refused is not None
    assert "WHATSAPP_API_KEY" in str(refused.exceptions[0])
    await key_for(side, Scope.ADMIN)
    await side.start()
    async with side.client() as client:
        assert (await client.get("/v1/sessions")).status_code == 401


async def test_a_port_in_use_is_reported_in_one_sentence(started: HttpBridge) -> None:
    with pytest.raises(StartError, match=rf"127\.0\.0\.1:{started.port}.*WA_HTTP_PORT"):
        listen("127.0.0.1", started.port)
