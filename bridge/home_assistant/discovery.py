"""The description of a session as a device of Home Assistant. Pure.

Templates are Home Assistant's (Jinja): every value goes through `tojson`, so that quotes and newlines stay what they
are. `object_id` is for versions before 2025.10, `default_entity_id` for those after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.contract.kinds import RECEIVED
from bridge.contract.messages import ResultStatus
from bridge.contract.notify import NotifyTarget
from bridge.contract.session import SessionState
from bridge.contract.status import HEARTBEAT
from bridge.contract.topics import Topics
from bridge.home_assistant.templates import (
    ADVICE,
    BUDGETS,
    LINK_CODE,
    SENT,
    available_unless,
    event_of_message,
    notify_command,
    status_figure,
)

#: Seconds after which a status is too old, as for every reader.
_STALE = 3 * HEARTBEAT
_DIAGNOSTIC = {"entity_category": "diagnostic"}
_HIDDEN = {"enabled_by_default": False}
#: The type of an event whose kind Home Assistant was not given: it drops events of types that it does not know.
OTHER = "other"
KINDS = tuple(kind.kind for kind in RECEIVED if kind.kind != "unknown")
_FINAL = (ResultStatus.SENT, ResultStatus.FAILED, ResultStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Installation:
    """What the devices of one bridge have in common. `url` is the panel's address, None without HTTP."""

    topics: Topics
    version: str
    url: str | None = None
    notify: tuple[NotifyTarget, ...] = ()


def device_id(topics: Topics, session: str) -> str:
    """Its name at the broker and in Home Assistant, for example `wa_haby`."""
    return f"{topics.prefix.replace('/', '_')}_{session}"


def device_of(session: str, installation: Installation) -> dict[str, Any]:
    """The payload of the discovery topic, as JSON values."""
    topics, name = installation.topics, device_id(installation.topics, session)
    device = {
        "identifiers": [name],
        "name": f"WhatsApp {session}",
        "manufacturer": "WhatsApp MQTT bridge",
        "model": "WhatsApp Web",
        "sw_version": installation.version,
    }
    if installation.url:
        device["configuration_url"] = installation.url
    components = _components(session, topics) | _notifiers(session, installation)
    return {
        "device": device,
        "origin": {"name": "whatsapp-mqtt-bridge", "sw_version": installation.version},
        "availability": [_while(topics.status(session), SessionState.OFFLINE, is_not=True)],
        "qos": 1,
        "components": {key: _named(name, key, component) for key, component in components.items()}
        | _triggers(session, topics),
    }


def _components(session: str, topics: Topics) -> dict[str, dict[str, Any]]:
    status, qr = topics.status(session), topics.qr(session)
    pairing = {"availability": [_while(status, SessionState.PAIRING)]}
    return {
        "connected": {
            "platform": "binary_sensor",
            "name": "Connection",
            "device_class": "connectivity",
            "state_topic": status,
            "value_template": "{{ 'ON' if value_json.state == 'connected' else 'OFF' }}",
            "json_attributes_topic": status,
            "json_attributes_template": ADVICE,
            # its own, so that it says "off" when the bridge is gone, and not that it is unavailable
            "availability": [],
            "expire_after": _STALE,
            **_DIAGNOSTIC,
        },
        "state": {
            **_sensor("State", status, "state"),
            "device_class": "enum",
            "options": [str(state) for state in SessionState],
        },
        "queue_out": {**_sensor("Waiting to be sent", status, "queue.out"), "state_class": "measurement"},
        "queue_in": {
            **_sensor("Waiting to be published", status, "queue.in"),
            "state_class": "measurement",
            **_HIDDEN,
        },
        "budget_answers": {
            **_sensor("Answers that may be sent now", status, "budget.answers.left"),
            "json_attributes_topic": status,
            "json_attributes_template": BUDGETS,
        },
        "budget_first": _sensor("First messages that may be sent now", status, "budget.first_messages.left"),
        "first_today": _sensor("First messages in 24 hours", status, "budget.first_messages.today"),
        "memory": {
            **_sensor("Browser memory", status, "memory.browser_mb"),
            "device_class": "data_size",
            "unit_of_measurement": "MB",
            **_HIDDEN,
        },
        "last_inbound": {
            "platform": "sensor",
            "name": "Last message",
            "device_class": "timestamp",
            "state_topic": status,
            "value_template": status_figure("last_inbound"),
        },
        "message": {
            "platform": "event",
            "name": "Message",
            "event_types": [*KINDS, OTHER],
            "state_topic": topics.inbound(session),
            "value_template": event_of_message(KINDS, OTHER),
            "availability": [],
        },
        "sent": {
            "platform": "event",
            "name": "Result of a send",
            "event_types": [str(status) for status in _FINAL],
            "state_topic": topics.result(session),
            "value_template": SENT,
            "availability": [],
            **_DIAGNOSTIC,
        },
        "qr": {
            "platform": "image",
            "name": "Pairing code",
            "image_topic": topics.qr_image(session),
            "content_type": "image/png",
            **pairing,
            **_DIAGNOSTIC,
        },
        "link_code": {
            "platform": "sensor",
            "name": "Link code",
            "state_topic": qr,
            "value_template": LINK_CODE,
            **pairing,
            **_DIAGNOSTIC,
        },
        "restart": {
            "platform": "button",
            "name": "Restart",
            "device_class": "restart",
            "command_topic": topics.control(session),
            "payload_press": '{"action":"restart"}',
            "entity_category": "config",
        },
    }


def _notifiers(session: str, installation: Installation) -> dict[str, dict[str, Any]]:
    return {
        f"notify_{target.key}": {
            "platform": "notify",
            "name": target.name,
            "command_topic": installation.topics.out(session),
            "command_template": notify_command(target.to),
        }
        for target in installation.notify
    }


def _triggers(session: str, topics: Topics) -> dict[str, dict[str, Any]]:
    """Triggers that an automation finds under the device: a message of a kind, a send that failed."""

    def trigger(kind: str, subtype: str, topic: str, template: str) -> dict[str, Any]:
        return {
            "platform": "device_automation",
            "automation_type": "trigger",
            "type": kind,
            "subtype": subtype,
            "topic": topic,
            "value_template": template,
            "payload": subtype,
        }

    inbound = topics.inbound(session)
    received = {
        f"trigger_{kind}": trigger(
            "message_received", kind, inbound, "{{ '' if value_json.late else value_json.kind | default('') }}"
        )
        for kind in KINDS
    }
    every = trigger("message_received", "any", inbound, "{{ '' if value_json.late else 'any' }}")
    failed = trigger("send", ResultStatus.FAILED, topics.result(session), "{{ value_json.status }}")
    return {"trigger_any": every, **received, "trigger_send_failed": failed}


def _sensor(name: str, topic: str, field: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": name,
        "state_topic": topic,
        "value_template": status_figure(field),
        **_DIAGNOSTIC,
    }


def _while(topic: str, state: SessionState, *, is_not: bool = False) -> dict[str, str]:
    return {"topic": topic, "value_template": available_unless(state, is_not=is_not)}


def _named(device: str, key: str, component: dict[str, Any]) -> dict[str, Any]:
    """With the ids under which Home Assistant keeps it."""
    entity = f"{device}_{key.removeprefix('notify_')}".replace("-", "_").lower()
    return {
        **component,
        "unique_id": f"{device}_{key}",
        "object_id": entity,
        "default_entity_id": f"{component['platform']}.{entity}",
    }
