"""The shared connection: refusals, a missing broker, shutdown; statuses, pairing and control over it."""

from __future__ import annotations

import asyncio

import pytest
from typing_extensions import override

from bridge.app.clock import SystemClock
from bridge.broker import BrokerConnection, BrokerOptions, Delivery, parse_addresses
from bridge.broker import connect as connect_broker
from bridge.client import (
    BrokerDown,
    BrokerRefused,
    ClientClosed,
    ControlAction,
    InvalidRequest,
    Qr,
    SessionStatus,
    connect,
)
from bridge.client.connection import RESUBSCRIBED, SharedConnection, Subscription
from bridge.contract.payload import instant
from bridge.contract.session import Reason, SessionState
from bridge.contract.status import HEARTBEAT
from bridge.contract.topics import Topics
from tests.client.conftest import Connect, ScriptedBridge
from tests.clocks import ShiftedClock
from tests.mosquitto_server import MosquittoServer, free_port


class EarlyConnection(BrokerConnection):
    """Delivers a retained message before `subscribe` returns, as a broker does whose SUBACK is in the same packet."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    @override
    async def subscribe(self, *topic_filters: str, qos: int = 1) -> None:
        self._subscription.deliver(Delivery(topic_filters[0], b"retained", retain=True))


async def test_a_retained_message_that_arrives_before_the_suback_is_kept() -> None:
    connection = SharedConnection(BrokerOptions((), client_id="", clean=True), None)
    subscription = Subscription("wa/haby/qr")
    connection._connection = EarlyConnection(subscription)
    async with connection.attached(subscription) as inbox:
        assert await inbox.get() is RESUBSCRIBED
        delivery = await inbox.get(until=0)
    assert isinstance(delivery, Delivery)
    assert delivery.payload == b"retained"


async def test_a_wrong_password_is_reported_at_once(mosquitto: MosquittoServer) -> None:
    with pytest.raises(BrokerRefused, match="WA_MQTT_URL"):
        async with connect(f"mqtt://reader:wrong@127.0.0.1:{mosquitto.port}"):
            pass


async def test_a_missing_broker_is_reported_after_the_connect_timeout() -> None:
    with pytest.raises(BrokerDown, match="Nothing listens"):
        async with connect(f"mqtt://127.0.0.1:{free_port()}", connect_timeout=0):
            pass


async def test_connect_retries_until_the_broker_is_up(mosquitto: MosquittoServer) -> None:
    mosquitto.stop()

    async def connected() -> str:
        async with connect(mosquitto.url("reader")) as client:
            return client.reply_name

    connecting = asyncio.create_task(connected(), name="connecting")
    await asyncio.wait([connecting], timeout=0.3)
    mosquitto.start()
    assert await connecting == "reader"


async def test_mqtt_5_works_the_same(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client(protocol="5") as sender:
        assert (await sender.send("haby", "5491155500001", "Hola")).status == "sent"
        harness.phone.incoming("5491155500001@c.us", "Hola")
        assert (await anext(sender.messages("haby"))).body == "Hola"


async def test_nothing_is_left_running(mosquitto: MosquittoServer) -> None:
    async with connect(mosquitto.url("reader")) as client:
        messages = client.messages("haby")
        reading = asyncio.create_task(anext(messages), name="reading")
        await asyncio.sleep(0)
    with pytest.raises(ClientClosed):
        await reading
    with pytest.raises(ClientClosed):
        await client.status("haby")
    assert [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_an_error_in_the_block_is_raised_unchanged(mosquitto: MosquittoServer) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with connect(mosquitto.url("reader")):
            raise KeyError("mine")


@pytest.mark.parametrize("wrong", [{"prefix": "a b"}, {"name": "mi crm"}, {"reply_name": "a/b"}])
async def test_names_that_are_not_topic_levels_are_refused_before_connecting(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        async with connect(f"mqtt://127.0.0.1:{free_port()}", **wrong):  # type: ignore[arg-type]
            pass


async def test_an_old_heartbeat_counts_as_offline(mosquitto: MosquittoServer, client: Connect) -> None:
    old = instant(SystemClock().now() - 3 * HEARTBEAT - 1)
    status = SessionStatus(
        session="haby",
        state=SessionState.CONNECTED,
        reason=Reason.READY,
        text="Ready.",
        since=old,
        at=old,
        interval=1,
        owner="x",
    )
    options = BrokerOptions(parse_addresses(mosquitto.url("bridge")), client_id="bridge-that-died", clean=True)
    async with connect_broker(options) as connection:  # no will: the broker lost it, which is the point
        await connection.publish(Topics().status("haby"), status.to_json(), retain=True)
    async with client("reader") as reader:
        assert (await reader.status("haby")).state is SessionState.OFFLINE
        assert (await anext(reader.watch_status("haby"))).reason is Reason.BRIDGE_GONE
        assert [one.state for one in await reader.statuses()] == [SessionState.OFFLINE]


@pytest.mark.parametrize("shift", [-1200, 120])
async def test_a_bridge_with_another_clock_is_online_once_a_heartbeat_comes(
    mosquitto: MosquittoServer, client: Connect, shift: int
) -> None:
    def status() -> str:
        at = instant(ShiftedClock(shift).now())
        return SessionStatus(
            session="haby",
            state=SessionState.CONNECTED,
            reason=Reason.READY,
            text="Ready.",
            since=at,
            at=at,
            interval=2,
            owner="x",
        ).to_json()

    options = BrokerOptions(parse_addresses(mosquitto.url("bridge")), client_id="bridge-elsewhere", clean=True)
    async with client("reader") as reader, connect_broker(options) as connection:
        await connection.publish(Topics().status("haby"), status(), retain=True)
        asking = asyncio.create_task(reader.status("haby"), name="status")
        await asyncio.sleep(1)  # less than the interval: the retained status has come and proves nothing
        assert not asking.done()
        await connection.publish(Topics().status("haby"), status(), retain=True)
        assert (await asking).state is SessionState.CONNECTED
        assert [one.state for one in await reader.statuses()] == [SessionState.CONNECTED]
        assert await reader.clock_difference("haby") == pytest.approx(-shift, abs=1)


async def test_a_bridge_without_a_heartbeat_is_reported_offline(mosquitto: MosquittoServer, client: Connect) -> None:
    now = instant(SystemClock().now())
    status = SessionStatus(
        session="haby",
        state=SessionState.CONNECTED,
        reason=Reason.READY,
        text="Ready.",
        since=now,
        at=now,
        interval=1,
        owner="x",
    )
    options = BrokerOptions(parse_addresses(mosquitto.url("bridge")), client_id="bridge-that-dies", clean=True)
    async with client("reader") as reader, connect_broker(options) as connection:
        watch = reader.watch_status("haby")
        first = asyncio.create_task(anext(watch), name="first")
        await connection.publish(Topics().status("haby"), status.to_json(), retain=True)
        assert (await first).state is SessionState.CONNECTED
        assert (await anext(watch)).state is SessionState.OFFLINE


async def test_statuses(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client("reader") as reader:
        [status] = await reader.statuses()
        assert (status.session, status.state) == ("haby", SessionState.CONNECTED)
        watch = reader.watch_status("haby")
        assert (await anext(watch)).state is SessionState.CONNECTED
        await harness.stop()
        async for status in watch:
            if status.state is SessionState.OFFLINE:
                break
        assert (await reader.status("haby")).state is SessionState.OFFLINE


async def test_pairing_yields_each_code_and_ends_when_scanned(harness: ScriptedBridge, client: Connect) -> None:
    harness.phone.paired = False
    await harness.start(until=SessionState.PAIRING)
    codes: list[str] = []
    states: list[SessionState] = []
    async with client() as admin:
        async for step in admin.pairing("haby"):
            if isinstance(step, SessionStatus):
                states.append(step.state)
            if not isinstance(step, Qr):
                continue
            codes.append(step.code)
            if len(codes) == 1:
                current = await admin.qr("haby")
                assert current is not None
                assert current.code == codes[0]
                harness.phone.rotate_code()
            else:
                harness.phone.pair()
        assert await admin.qr("haby") is None
    assert len(set(codes)) == len(codes) == 2
    assert states[0] is SessionState.PAIRING
    assert states[-1] in (SessionState.AUTHENTICATED, SessionState.CONNECTED)


async def test_control(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client() as admin:
        results = [result.status async for result in admin.control("haby", ControlAction.CLOSE)]
        assert results == ["accepted", "done"]
        await harness.reach(SessionState.STOPPED)
        assert [result.status async for result in admin.control("haby", "init")] == ["accepted", "done"]
        await harness.reach(SessionState.CONNECTED)
