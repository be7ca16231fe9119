"""The contract as documents for programs: a JSON Schema for each payload, and all of MQTT as AsyncAPI 3. Pure.

Made from the models, so that they cannot differ from them. `send` and `receive` are seen from the bridge: it sends what
readers subscribe to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from bridge.contract.bot import BotConfig, BotSwitch, ResponderEvent, SpokenText
from bridge.contract.campaign_reports import CampaignEvent, CampaignProgress
from bridge.contract.commands import CancelCommand, SendCommand
from bridge.contract.controls import ControlCommand, ControlResult
from bridge.contract.events import Event
from bridge.contract.leases import LeaseClaim
from bridge.contract.messages import Ack, Inbound, Qr, ReplayEnd, Result
from bridge.contract.passkey import Passkey
from bridge.contract.replays import ReplayRequest
from bridge.contract.requests import REQUESTS
from bridge.contract.responses import Response
from bridge.contract.session_changes import BridgeCommand, BridgeControlResult
from bridge.contract.status import BridgeStatus, SessionStatus
from bridge.contract.topics import Leaf, Topics

PAYLOADS: tuple[type[BaseModel], ...] = (
    Inbound,
    Event,
    SendCommand,
    CancelCommand,
    Result,
    Ack,
    ReplayRequest,
    ReplayEnd,
    ControlCommand,
    ControlResult,
    Response,
    *REQUESTS,
    SessionStatus,
    Qr,
    Passkey,
    LeaseClaim,
    BridgeStatus,
    BridgeCommand,
    BridgeControlResult,
    BotConfig,
    BotSwitch,
    ResponderEvent,
    SpokenText,
    CampaignProgress,
    CampaignEvent,
)
_TEXT = "PlainText"
_PICTURE = "QrPicture"


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic: its publisher, its payloads, and whether it is retained."""

    name: str
    address: str
    action: Literal["send", "receive"]
    payloads: tuple[str, ...]
    summary: str
    retained: bool = False
    qos: int = 1


def channels(topics: Topics) -> tuple[Channel, ...]:
    """Every topic of the contract; names in braces are parameters."""
    session = "{session}"

    def of(leaf: Leaf, tail: str | None = None) -> str:
        return topics.session(session, leaf, tail)

    return (
        Channel("in", of(Leaf.IN), "send", ("Inbound",), "Messages received on WhatsApp, gapless by `seq`."),
        Channel("event", of(Leaf.EVENT), "send", ("Event",), "Events about messages, gapless by `event_seq`."),
        Channel(
            "out",
            of(Leaf.OUT),
            "receive",
            ("SendCommand", "CancelCommand"),
            "Send something; `{to, message}` is enough for a text. Or take back a send.",
        ),
        Channel(
            "outText",
            of(Leaf.OUT, "{recipient}"),
            "receive",
            (_TEXT,),
            "Send plain text to one recipient: a number in any spelling without `+`, or a chat's address.",
        ),
        Channel("result", of(Leaf.RESULT), "send", ("Result", "ControlResult"), "Results of commands."),
        Channel("ack", of(Leaf.ACK), "send", ("Ack",), "Acks of sent messages."),
        Channel("replay", of(Leaf.REPLAY), "receive", ("ReplayRequest",), "Request the items after a cursor."),
        Channel(
            "replayed",
            of(Leaf.REPLAY, "{reader}"),
            "send",
            ("Inbound", "Event", "ReplayEnd"),
            "The items, unchanged; `done` ends each page.",
        ),
        Channel(
            "reply",
            of(Leaf.REPLY, "{client}"),
            "send",
            ("Result",),
            "A copy of the result, for the client that set `reply_topic`.",
        ),
        Channel("control", of(Leaf.CONTROL), "receive", ("ControlCommand",), "Start, close, log out, restart.", qos=0),
        Channel(
            "request",
            of(Leaf.REQUEST),
            "receive",
            tuple(request.__name__ for request in REQUESTS),
            "Carry out an action that is not a message.",
        ),
        Channel("response", of(Leaf.RESPONSE), "send", ("Response",), "The outcome of a request."),
        Channel("typing", of(Leaf.TYPING), "receive", ("Typing",), 'Show "typing…" in a chat.', qos=0),
        Channel(
            "status", of(Leaf.STATUS), "send", ("SessionStatus",), "The session's status; `offline` is the will.", True
        ),
        Channel("qr", of(Leaf.QR), "send", ("Qr",), "The QR code; empty when there is none.", True),
        Channel(
            "qrPicture",
            topics.qr_image(session),
            "send",
            (_PICTURE,),
            "The QR code as a PNG, with WA_HA on; empty when there is none.",
            True,
        ),
        Channel(
            "passkey",
            of(Leaf.PASSKEY),
            "send",
            ("Passkey",),
            "WhatsApp's request for the account's passkey; empty when there is none.",
            True,
        ),
        Channel(
            "lease",
            of(Leaf.LEASE),
            "send",
            ("LeaseClaim",),
            "Which of several bridges runs the session, where WA_BRIDGES names them.",
            True,
        ),
        Channel(
            "bridge",
            topics.bridge_status("{instance}"),
            "send",
            ("BridgeStatus",),
            "The status of a bridge process.",
            True,
        ),
        Channel(
            "bridgeControl",
            topics.bridge_control("{instance}"),
            "receive",
            ("BridgeCommand",),
            "Add or remove a session, put one to sleep or wake it, hand it over.",
        ),
        Channel(
            "bridgeResult",
            topics.bridge_result("{instance}"),
            "send",
            ("BridgeControlResult",),
            "Results of commands to a bridge.",
        ),
        Channel(
            "botConfig",
            topics.bot_config().replace("+", "{cliente_id}"),
            "send",
            ("BotConfig",),
            "Whether the responder answers for a client.",
            True,
        ),
        Channel(
            "botSwitch",
            topics.bot_switch().replace("+", "{cliente_id}"),
            "receive",
            ("BotSwitch",),
            "Switch the responder on or off for a client.",
        ),
        Channel(
            "responderEvent",
            topics.responder_event("{instance}"),
            "send",
            ("ResponderEvent",),
            "A fault of the responder, or its end.",
        ),
        Channel("transcript", of(Leaf.TRANSCRIPT), "send", ("SpokenText",), "What was said in a voice message."),
        Channel(
            "campaign", topics.campaign(session, "{campaign}"), "send", ("CampaignProgress",), "How far it is.", True
        ),
        Channel(
            "campaignEvent",
            topics.campaign_event(session, "{campaign}"),
            "send",
            ("CampaignEvent",),
            "What happens with it.",
        ),
    )


def schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema (2020-12) for each payload, by its name."""
    made = {}
    for model in PAYLOADS:
        schema = model.model_json_schema(by_alias=True)
        made[model.__name__] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return made


def asyncapi(topics: Topics, version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    listed, payloads = channels(topics), schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "WhatsApp ⇄ MQTT bridge",
            "version": version,
            "description": "Every JSON payload carries `v: 1`. Readers ignore unknown fields; commands refuse them.",
        },
        "defaultContentType": "application/json",
        "servers": {"broker": {"host": "localhost:1883", "protocol": "mqtt", "protocolVersion": "3.1.1"}},
        "channels": {one.name: _channel(one) for one in listed},
        "operations": {f"{one.action}_{one.name}": _operation(one) for one in listed},
        "components": {
            "messages": {
                **{name: _message(name, schema) for name, schema in payloads.items()},
                _TEXT: {"name": _TEXT, "contentType": "text/plain", "payload": {"type": "string", "minLength": 1}},
                _PICTURE: {"name": _PICTURE, "contentType": "image/png"},
            }
        },
    }


def _channel(channel: Channel) -> dict[str, Any]:
    named = [part.strip("{}") for part in channel.address.split("/") if part.startswith("{")]
    return {
        "address": channel.address,
        "description": channel.summary,
        "parameters": {name: {"description": _PARAMETERS[name]} for name in named},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in channel.payloads},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": channel.action,
        "summary": channel.summary,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in channel.payloads],
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": _within(schema, name)},
    }


def _within(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema with its references rewritten for its position in the document."""
    here = f"#/components/messages/{name}/payload/schema/$defs/"

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: here + inner.removeprefix("#/$defs/") if key == "$ref" and isinstance(inner, str) else moved(inner)
                for key, inner in value.items()
                if key != "$schema"
            }
        return [moved(one) for one in value] if isinstance(value, list) else value

    result: dict[str, Any] = moved(schema)
    return result


_PARAMETERS = {
    "campaign": "id of a campaign",
    "session": "The name of a session of the bridge.",
    "recipient": "A number with country code, or a chat's address; what cannot be sent is answered.",
    "reader": "The name that the replay request gave: letters, digits, _ and -.",
    "client": "The name in the command's reply_topic: letters, digits, _ and -.",
    "instance": "WA_INSTANCE of the bridge or the responder.",
    "cliente_id": "The legacy number of the customer.",
}
