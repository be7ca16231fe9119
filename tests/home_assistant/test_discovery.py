"""What Home Assistant is given: the golden file, and its templates on the payloads of the contract.

The templates are rendered by Jinja, as Home Assistant does. After a wanted change:
`python -m tests.home_assistant.test_discovery` writes the golden file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.contract.errors import StartError
from bridge.contract.notify import NotifyTarget
from bridge.contract.session import SessionState
from bridge.contract.topics import Topics
from bridge.home_assistant import Installation, device_of
from bridge.settings import load

GOLDEN = Path(__file__).with_name("device.json")
NOTIFY = "Ana=+54 9 11 5550-0001, Casa=120363000000000001@g.us"
#: What a part of Home Assistant needs, as its MQTT integration of 2025.4 requires it.
REQUIRED = {
    "binary_sensor": {"state_topic", "unique_id"},
    "sensor": {"state_topic", "unique_id"},
    "event": {"state_topic", "event_types", "unique_id"},
    "image": {"image_topic", "unique_id"},
    "button": {"command_topic", "unique_id"},
    "notify": {"command_topic", "unique_id"},
    "device_automation": {"automation_type", "topic", "type", "subtype"},
}


def device(session: str = "haby", prefix: str = "wa") -> dict[str, Any]:
    targets = NotifyTarget.parse_list(NOTIFY)
    return device_of(session, Installation(Topics(prefix), "0.1.0", "http://127.0.0.1:3011", targets))


def rendered(component: str, payload: dict[str, Any] | None, template: str = "value_template", **more: Any) -> str:
    """As Home Assistant renders it. An undefined value, for which it logs an error, is an error here."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined)
    values = {} if payload is None else {"value_json": payload}
    return environment.from_string(device()["components"][component][template]).render(**values, **more)


def message(**more: Any) -> dict[str, Any]:
    """An inbound message with the fields that each one has."""
    ana = "5491155500001@c.us"
    head = {"v": 1, "session": "haby", "epoch": "e", "seq": 7, "id": f"false_{ana}_3EB0", "from": ana, "chat": ana}
    rest = {"author": ana, "from_pn": ana, "from_lid": None, "type": "chat", "timestamp": 1_700_000_000}
    return {**head, **rest, "cliente_id": 51, "notify_name": "Ana", "late": False, "body": "Hola", **more}


def test_the_device_is_the_one_of_the_golden_file() -> None:
    assert device() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_component_is_complete_and_no_two_have_one_id() -> None:
    components = device()["components"]
    for key, component in components.items():
        assert REQUIRED[component["platform"]] <= component.keys(), key
    ids = [component["unique_id"] for component in components.values() if "unique_id" in component]
    assert len(ids) == len(set(ids))
    entities = [component["default_entity_id"] for component in components.values() if "unique_id" in component]
    assert len(entities) == len(set(entities))


def test_a_prefix_with_levels_and_a_session_with_signs_make_a_valid_device() -> None:
    [identifier] = device("Mi-casa", "shop/wa")["device"]["identifiers"]
    assert identifier == "shop_wa_Mi-casa"
    assert device("Mi-casa", "shop/wa")["components"]["state"]["default_entity_id"] == "sensor.shop_wa_mi_casa_state"


@pytest.mark.parametrize(
    "text", ["Hola", 'She said "hi"', "two\nlines\r\n", "it's {{ 1 + 1 }} \\ <b>&amp;</b>", "ñ 😀 שלום", ""]
)
def test_a_notification_is_a_command_whatever_its_text(text: str) -> None:
    command = json.loads(rendered("notify_casa", None, "command_template", value=text))
    assert command == {"to": "120363000000000001@g.us", "message": text, "ttl": 3600}


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        (message(kind="text", body='say "hi"\n{{ now() }}'), "text"),
        (message(kind="voice", person="p-1", media={"state": "pending", "url": None}), "voice"),
        (message(kind="hologram"), "other"),  # a kind of a later bridge
        (message(kind="unknown"), "other"),
        (message(), "other"),  # journalled by an earlier bridge
    ],
)
def test_a_message_is_an_event_with_its_fields(payload: dict[str, Any], event: str) -> None:
    found = json.loads(rendered("message", payload))
    assert found["event_type"] == event in device()["components"]["message"]["event_types"]
    assert {name: found[name] for name in ("id", "chat", "body", "seq", "late")} == {
        name: payload[name] for name in ("id", "chat", "body", "seq", "late")
    }
    assert (found["name"], found["person"], found["media"]) == ("Ana", payload.get("person"), payload.get("media"))


def test_triggers_are_for_new_messages_of_their_kind() -> None:
    voice = message(kind="voice")
    assert (rendered("trigger_voice", voice), rendered("trigger_any", voice)) == ("voice", "any")
    assert rendered("trigger_voice", message(kind="voice", late=True)) == ""
    assert rendered("trigger_voice", message()) == ""


def test_a_result_is_an_event_once_it_is_final() -> None:
    result = {"id": "a", "to": "5491155500001@c.us", "chat": None, "message_id": None, "error": None}
    assert rendered("sent", {**result, "status": "accepted"}) == ""
    assert rendered("sent", {"id": "a", "action": "restart", "status": "failed", "error": None}) == ""
    error = {"code": "not_on_whatsapp", "text": 'no "such" number', "transient": False}
    failed = json.loads(rendered("sent", {**result, "status": "failed", "error": error}))
    assert (failed["event_type"], failed["code"], failed["text"]) == ("failed", error["code"], error["text"])
    assert json.loads(rendered("sent", {**result, "status": "sent"}))["code"] is None


def test_the_status_of_the_will_makes_every_figure_unknown_and_none_an_error() -> None:
    will = {"state": "offline", "reason": "bridge_gone", "text": "The bridge …", "since": "t", "last_inbound": None}
    will |= {"queue": None, "budget": None, "memory": None}
    figures = ("queue_out", "queue_in", "budget_answers", "budget_first", "first_today", "memory", "last_inbound")
    assert {rendered(figure, will) for figure in figures} == {"None"}
    assert (rendered("connected", will), rendered("state", will)) == ("OFF", "offline")
    assert json.loads(rendered("budget_answers", will, "json_attributes_template")) == {}
    budget = {"answers": {"left": 5, "next_at": None}, "first_messages": {"left": None, "today": 0, "per_day": None}}
    connected = {**will, "state": "connected", "queue": {"out": 3, "in": 0}, "budget": budget}
    shown = [rendered(figure, connected) for figure in ("queue_out", "queue_in", "budget_answers", "first_today")]
    assert shown == ["3", "0", "5", "0"]


def test_the_link_code_is_unknown_while_there_is_none() -> None:
    assert rendered("link_code", None) == "None"  # the topic was cleared
    assert rendered("link_code", {"code": "2@abc", "link_code": None}) == "None"
    assert rendered("link_code", {"code": "ABCD1234", "link_code": "ABCD1234"}) == "ABCD1234"


def test_every_state_is_an_option() -> None:
    assert device()["components"]["state"]["options"] == [str(state) for state in SessionState]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Ana", "Name=number"),
        ("Ana=", "Ana"),
        ("Ana=hola", "Ana"),
        ("=5491155500001", "Name=number"),
        ("💡=5491155500001", "no letter"),
        ("José=5491155500001,jose=5491155500002", "twice"),
        ("Estado=status@broadcast", "Estado"),
    ],
)
def test_a_notify_entity_for_no_number_is_refused_at_start(text: str, named: str) -> None:
    with pytest.raises(StartError, match=f"WA_HA_NOTIFY.*{named}"):
        load(WA_HA_NOTIFY=text)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(device(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
