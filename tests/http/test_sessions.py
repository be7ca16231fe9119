"""Sessions of a running bridge: added, removed, asleep and woken over HTTP and MQTT, and kept over a restart."""

from __future__ import annotations

from bridge.contract.payload import instant
from bridge.contract.session import SessionState
from bridge.drivers.scripted import ScriptedPhone
from tests.http.conftest import ANA, HttpBridge
from tests.mosquitto_server import MosquittoServer
from tests.mqtt.probe import mqtt_probe

CONTROL, RESULT = "wa/bridge/test/control", "wa/bridge/test/control/result"


async def test_sessions_change_while_the_bridge_runs_and_survive_its_restart(
    on_mqtt: HttpBridge, mosquitto: MosquittoServer
) -> None:
    phone = on_mqtt.phones["otra"] = ScriptedPhone(on_mqtt.clock, paired=True)
    await on_mqtt.start()
    async with on_mqtt.client() as client, mqtt_probe(mosquitto.url("admin")) as probe:
        added = await client.post("/v1/sessions", json={"session": "otra", "cliente_id": 52})
        assert (added.status_code, added.json()["session"]) == (201, "otra")
        await probe.wait("wa/otra/status", lambda status: status["state"] == "connected")
        again = await client.post("/v1/sessions", json={"session": "otra", "cliente_id": 53})
        assert (again.status_code, again.json()["code"]) == (409, "conflict")

        tomorrow = instant(on_mqtt.clock.now() + 86400).isoformat()
        await probe.publish(CONTROL, {"action": "sleep", "session": "otra", "id": "s1"})
        answer = await probe.wait(RESULT)
        assert (answer["id"], answer["status"], answer["error"]) == ("s1", "done", None)
        assert (await client.get("/v1/sessions/otra")).json()["reason"] == "asleep"
        assert state_of(on_mqtt, "haby") is SessionState.CONNECTED  # the other one is not concerned
        await probe.publish("wa/otra/out", {"to": ANA, "message": "luego", "id": "later", "send_at": tomorrow})
        await probe.publish("wa/otra/out", {"to": ANA, "message": "hola", "id": "now"})
        await probe.wait("wa/otra/result", lambda result: result["id"] == "now" and result["status"] == "sent")
        assert [message.text for message in phone.sent] == ["hola"]

        await probe.publish(CONTROL, {"action": "remove_session", "session": "nueva", "id": "r1"})
        refused = await probe.wait(RESULT, lambda result: result["id"] == "r1")
        assert (refused["status"], refused["error"]["code"]) == ("failed", "no_such_session")
        removed = await client.delete("/v1/sessions/haby")
        assert str(on_mqtt.settings.session_dir("haby")) in removed.json()["text"]
        assert on_mqtt.settings.session_dir("haby").is_dir()
        await probe.wait("wa/haby/status", lambda status: status == b"")
        async with mqtt_probe(mosquitto.url("admin")) as late:
            await late.wait("wa/otra/status")
            assert late.on("wa/haby/status") == []
        assert (await client.delete("/v1/sessions/otra")).status_code == 400  # the only one
        assert [found["session"] for found in (await client.get("/v1/sessions")).json()["sessions"]] == ["otra"]
    await on_mqtt.stop()
    await on_mqtt.start()
    async with on_mqtt.client() as client:
        assert [found["session"] for found in (await client.get("/v1/sessions")).json()["sessions"]] == ["otra"]
        await client.post("/v1/sessions", json={"session": "haby", "cliente_id": 51})  # comes back with what it had
        assert (await client.get("/v1/sessions/haby")).json()["session"] == "haby"


def state_of(bridge: HttpBridge, name: str) -> SessionState:
    assert bridge.bridge is not None
    [host] = [host for host in bridge.bridge.hosts if host.name == name]
    return host.view.situation.state
