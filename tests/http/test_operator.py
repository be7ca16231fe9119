"""Log, settings and the broker's users over HTTP: what an operator reads, without a secret or a number in it."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bridge.broker import BrokerAddress, BrokerOptions, connect
from bridge.cli.startup import start_logging
from bridge.http.log_ring import LONGEST, LogRing
from bridge.ops.mosquitto import BrokerDirectory
from bridge.ops.mosquitto.private_users import PrivateBrokerUsers
from bridge.ops.mosquitto.roles import PURPOSE, Role
from bridge.ops.private_broker import PrivateBroker, private_broker
from bridge.ports import Scope
from bridge.ports.broker_users import ClientRole
from tests.http.conftest import ANA, HttpBridge
from tests.http.test_access import SECRET, key_for
from tests.parts import require_binary

LINK = "the-token-of-a-link"


@pytest.fixture
def log() -> Iterator[LogRing]:
    """A ring that gets the lines of this process, without those of the tests' HTTP client."""
    ring, root = LogRing(), logging.getLogger()
    ring.addFilter(lambda record: record.name != "httpx")
    before = root.level
    root.setLevel(logging.INFO)
    root.addHandler(ring)
    yield ring
    root.removeHandler(ring)
    root.setLevel(before)


@pytest.fixture
async def own_broker(tmp_path: Path) -> AsyncIterator[PrivateBroker]:
    async with private_broker(tmp_path / "data", binary=require_binary("mosquitto", "mosquitto")) as broker:
        yield broker


async def test_the_log_has_the_newest_lines_with_filters_and_goes_on(side: HttpBridge, log: LogRing) -> None:
    side.log, side.login_link = log, LINK
    side.given |= {"sessions": "haby=51,ventas=52", "jwt_secret": SECRET}
    key, of_ventas = await key_for(side, Scope.ADMIN), await key_for(side, Scope.ADMIN, sessions=["ventas"])
    await side.start()
    async with side.client(headers={"x-api-key": key}) as client:
        await client.post("/v1/sessions/haby/sends?wait=5", json={"to": ANA, "message": "un texto privado"})
        first = (await client.get("/v1/log")).json()
        messages = [line["message"] for line in first["lines"]]
        assert any(message.startswith("haby: connected") for message in messages)
        assert any("to …0001@c.us: sent" in message for message in messages)
        assert "5491155500001" not in str(messages)
        assert "un texto privado" not in str(messages)
        test_log = logging.getLogger("tests.operator")
        test_log.warning("keys %s %s %s of mqtt://bridge:s3cret@broker to 5491155500001", key, SECRET, LINK)
        test_log.debug("a body")
        try:
            raise ValueError(f"{SECRET} of +5491155500002")
        except ValueError:
            test_log.exception("ventas: it failed", extra={"trace": "trace-7"})

        async def lines_of_test(**query: str) -> list[dict[str, str]]:
            answer = await client.get("/v1/log", params={"after": first["next"], **query})
            return [line for line in answer.json()["lines"] if line["logger"] == test_log.name]

        [warning, error] = await lines_of_test()
        assert warning["message"] == "keys *** *** *** of mqtt://***@broker to …0001"
        assert (error["level"], error["session"], error["trace"]) == ("ERROR", "ventas", "trace-7")
        assert error["exception"].endswith("ValueError: *** of …0002")
        for query, found in (
            ({"level": "error"}, [error]),
            ({"session": "ventas", "level": "warning"}, [error]),
            ({"q": "OF MQTT"}, [warning]),
            ({"q": "trace-7"}, [error]),
            ({"q": "no such text"}, []),
        ):
            assert await lines_of_test(**query) == found, query
        assert (await client.get("/v1/log?limit=1&q=tests.operator")).json()["lines"] == [error]
    async with side.client(headers={"x-api-key": of_ventas}) as client:
        lines = (await client.get("/v1/log")).json()["lines"]
        assert {line["session"] for line in lines} == {"ventas"}


def test_the_ring_gets_what_the_screen_does_not_show_but_never_debug() -> None:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    try:
        for level, on_screen in (("WARNING", ["two"]), ("DEBUG", ["zero", "one", "two"])):
            ring, shown = LogRing(), logging.handlers.BufferingHandler(100)
            start_logging(level, "text", handler=shown, ring=ring)
            test_log = logging.getLogger("tests.operator.level")
            test_log.debug("zero")
            test_log.info("one")
            test_log.warning("two")
            assert [record.getMessage() for record in shown.buffer] == on_screen
            assert [line.message for line in ring.page(after=0, limit=9).lines] == ["one", "two"]
    finally:
        root.handlers[:] = before[1]
        root.setLevel(before[0])


async def test_a_user_that_the_broker_does_not_take_over_is_not_left_behind(
    side: HttpBridge, own_broker: PrivateBroker
) -> None:
    assert own_broker.directory is not None
    directory = BrokerDirectory(own_broker.directory)
    side.given |= {"addresses": own_broker.address.reveal()}
    side.broker_users = PrivateBrokerUsers(directory)
    await side.start()
    (own_broker.directory / "mosquitto.pid").write_text('{"pid": 1}')  # as while it is restarted
    async with side.client() as client:
        answer = await client.post("/v1/broker/users", json={"name": "x", "roles": ["reader"]})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_reloaded")
        assert (await client.get("/v1/broker")).json()["users"] == []
    assert directory.faults() == []


def test_the_ring_is_bounded_by_lines_and_by_text() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("a" * 10 * LONGEST,), None)
    ring = LogRing(most_lines=10, most_text=3 * LONGEST)
    began = ring.page(after=0, limit=1).next
    for _ in range(20):
        ring.handle(record)
    page = ring.page(after=began, limit=100)
    assert (len(page.lines), page.lost) == (2, True)
    assert all(len(line.message) == LONGEST for line in page.lines)
    short = LogRing(most_lines=10)
    for number in range(25):
        short.handle(logging.LogRecord("x", logging.INFO, "", 0, "%d", (number,), None))
    assert [line.message for line in short.page(after=0, limit=100).lines] == [str(n) for n in range(15, 25)]


def test_a_secret_is_hidden_at_the_cut_of_a_long_line_and_in_lines_before_it_was_known() -> None:
    ring = LogRing()
    ring.hide([SECRET])
    ring.handle(logging.LogRecord("x", logging.INFO, "", 0, f"{'a ' * (LONGEST // 2 - 2)}{SECRET}", None, None))
    ring.handle(logging.LogRecord("x", logging.INFO, "", 0, f"opened with {LINK}", None, None))
    ring.hide([LINK])
    cut, opened = (line.message for line in ring.page(after=0, limit=9).lines)
    assert cut.endswith("a ***")
    assert opened == "opened with ***"


async def test_settings_have_value_source_and_default_and_no_secret(
    side: HttpBridge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = tmp_path / ".env"
    environment.write_text("WA_RETENTION=3d,1GB\n")
    monkeypatch.setenv("WA_PACE_CHAT", "7/minute")
    side.given |= {"jwt_secret": SECRET}
    key, of_one = await key_for(side, Scope.ADMIN), await key_for(side, Scope.ADMIN, sessions=["haby"])
    await side.start()
    async with side.client(headers={"x-api-key": key}) as client:
        answer = await client.get("/v1/settings")
        shown = {one["name"]: one for one in answer.json()["settings"]}
        assert SECRET not in answer.text
        assert (shown["WA_RETENTION"]["value"], shown["WA_RETENTION"]["source"]) == ("3d,1GB", ".env")
        assert (shown["WA_RETENTION"]["default"], shown["WA_RETENTION"]["live"]) == ("30d,1GB", False)
        assert (shown["WA_PACE_CHAT"]["value"], shown["WA_PACE_CHAT"]["source"]) == ("7/minute", "environment")
        assert shown["WA_LOG_LEVEL"]["source"] == "default"
        assert (shown["WA_PACE"]["value"], shown["WA_PACE"]["source"]) == ("off", "wa up")
        secret = shown["WA_JWT_SECRET"]
        assert (secret["value"], secret["secret"], secret["is_set"], secret["default"]) == ("***", True, True, None)
        assert (shown["WHATSAPP_API_KEY"]["secret"], shown["WHATSAPP_API_KEY"]["is_set"]) == (True, False)
        assert all(one["description"] for one in shown.values())
        assert not any(one["waits"] for one in shown.values())

        environment.write_text("WA_RETENTION=4d,1GB\nWA_PACE_CHAT=8/minute\n")
        added = await client.post("/v1/sessions", json={"session": "ventas", "cliente_id": 52})
        assert added.status_code == 201, added.text
        await client.patch("/v1/sessions/haby/options", json={"sleep_after": "2h"})
        shown = {one["name"]: one for one in (await client.get("/v1/settings")).json()["settings"]}
        assert {name for name, one in shown.items() if one["waits"]} == {"WA_RETENTION"}  # the environment comes first
        assert shown["WA_RETENTION"]["value"] == "3d,1GB"
        assert (shown["WA_SESSIONS"]["value"], shown["WA_SESSIONS"]["source"]) == ("haby=51,ventas=52", "registry")
        assert (shown["WA_SLEEP_AFTER"]["value"], shown["WA_SLEEP_AFTER"]["live"]) == ("off; haby: 7200", True)
    async with side.client(headers={"x-api-key": of_one}) as client:
        assert (await client.get("/v1/settings")).status_code == 403


async def test_users_of_the_bridges_own_broker_are_added_and_removed(
    side: HttpBridge, own_broker: PrivateBroker
) -> None:
    assert own_broker.directory is not None
    side.given |= {"addresses": own_broker.address.reveal()}
    side.broker_users = PrivateBrokerUsers(BrokerDirectory(own_broker.directory))
    await side.start()
    async with side.client() as client:
        broker = (await client.get("/v1/broker")).json()
        assert (broker["owned"], broker["port"], broker["users"]) == (True, own_broker.address.port, [])
        body = {"name": "node-red", "roles": ["reader"], "session": "haby"}
        made = await client.post("/v1/broker/users", json=body)
        assert made.status_code == 201
        password = made.json()["password"]
        url = f"mqtt://node-red:{password}@127.0.0.1:{broker['port']}"
        async with connect(BrokerOptions((BrokerAddress.parse(url),), client_id="", clean=True)) as reader:
            await reader.subscribe("wa/haby/in")
            side.phone.incoming(ANA, "hola")
            delivery = await anext(reader.deliveries())
            assert delivery.topic == "wa/haby/in"
        listed = await client.get("/v1/broker")
        assert listed.json()["users"] == [body | {"password": None}]
        assert password not in listed.text
        assert (await client.post("/v1/broker/users", json=body)).status_code == 409
        wrong: list[dict[str, object]] = [{"name": "a/b"}, {"name": "wa"}, {"roles": []}, {"roles": ["bridge"]}]
        for change in wrong:
            assert (await client.post("/v1/broker/users", json=body | change)).status_code == 400, change
        assert (await client.post("/v1/broker/users", json=body | {"session": "other", "name": "x"})).status_code == 404
        assert (await client.delete("/v1/broker/users/node-red")).status_code == 204
        assert (await client.delete("/v1/broker/users/node-red")).status_code == 404
        audited = [line["action"] for line in (await client.get("/v1/audit")).json()["audit"]]
        assert audited[:2] == ["remove broker user", "add broker user"]


async def test_of_another_broker_the_users_are_not_here(client: httpx.AsyncClient) -> None:
    broker = (await client.get("/v1/broker")).json()
    assert (broker["owned"], broker["users"], broker["prefix"]) == (False, [], "wa")
    answer = await client.post("/v1/broker/users", json={"name": "x", "roles": ["reader"]})
    assert (answer.status_code, "wa broker user add" in answer.json()["detail"]) == (404, True)


def test_the_roles_of_clients_are_roles_of_the_broker() -> None:
    assert {str(role) for role in ClientRole} == {str(role) for role in PURPOSE} - {"bridge", "responder", "campaigns"}
    assert {Role(role) for role in ClientRole} < set(Role)
