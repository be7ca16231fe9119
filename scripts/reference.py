"""Writes docs/mqtt.md and the feature table of README.md from the contract's models; with --check, compares them.

Examples are the golden files of the tests, so that each was really written by the bridge or accepted by it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.contract import events, requests
from bridge.contract.asyncapi import PAYLOADS, Channel, channels, schemas
from bridge.contract.commands import checked
from bridge.contract.errors import ERRORS
from bridge.contract.kinds import BY_FIELD, KINDS, RECEIVED, ReceivedKind
from bridge.contract.payload import StrictPayload
from bridge.contract.session import REASON_TEXT, STATE_MEANING, SessionState
from bridge.contract.topics import Topics

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests/contract/golden"
KIND_GOLDEN = ROOT / "tests/drivers/kinds"
#: How a kind is sent that has no field of its own.
SENT_WITH = {"gif": "`video` with `gif`", "video_note": "`video` with `note`"}
MARK = re.compile(r"(<!-- features: .*? -->\n).*?(<!-- /features -->)", re.DOTALL)
#: Payload -> golden file of what the bridge writes.
WRITTEN = {
    "Inbound": "in-text",
    "Event": "event-own-message",
    "Result": "result-sent",
    "Ack": "ack",
    "ReplayEnd": "replay-end",
    "ControlResult": "control-done",
    "Response": "response-done",
    "SessionStatus": "status-connected",
    "Qr": "qr",
    "Passkey": "passkey-asked",
    "LeaseClaim": "lease-owned",
    "BridgeStatus": "bridge-online",
    "BridgeControlResult": "bridge-control-done",
    "BotConfig": "bot-config",
    "ResponderEvent": "responder-event",
    "SpokenText": "spoken-text",
    "CampaignProgress": "campaign-progress",
    "CampaignEvent": "campaign-event",
}
#: Payload -> what a program publishes; checked against the model.
PUBLISHED: dict[str, dict[str, Any]] = {
    "SendCommand": {"id": "order-17", "to": "+54 9 11 5550-0001", "message": "Hola", "ttl": 600},
    "CancelCommand": {"cancel": "order-17"},
    "ReplayRequest": {
        "request": "r1",
        "reader": "crm",
        "after": {"epoch": "3f0c7a52-6c1e-4d0b-9a55-0f1e2d3c4b5a", "seq": 120},
    },
    "ControlCommand": {"action": "restart", "id": "c1"},
    "BridgeCommand": {"action": "add_session", "session": "otra", "cliente_id": 52, "id": "b1"},
    "BotSwitch": {"bot_activo": 1},
    **{found.__name__: {"action": action, **found.example} for action, found in requests.BY_ACTION.items()},
}

#: Request -> the schema of its response's `data`.
DATA = {found.__name__: found.data.model_json_schema() for found in requests.BY_ACTION.values() if found.data}


def table(*rows: tuple[str, ...]) -> Iterator[str]:
    head, *rest = rows
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rest:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"
    yield ""


def features() -> Iterator[str]:
    """Kind by kind: received, sent, and by which field."""
    sent = {kind.kind: f"`{kind.field}`" for kind in KINDS} | SENT_WITH
    received = {kind.kind: kind for kind in RECEIVED}
    yield from table(
        ("Kind", "Received (`kind`; WhatsApp's `type`)", "Sent (field of a command)"),
        *(
            (
                f"{received[name].noun.icon} {received[name].noun.en}".strip() if name in received else name,
                types_of(received[name]) if name in received else "no",
                sent.get(name, "not yet"),
            )
            for name in dict.fromkeys([*received, *sent])
        ),
    )
    actions = ", ".join(f"`{action}`" for action in requests.BY_ACTION)
    kinds = ", ".join(f"`{event.kind}`" for event in events.EVENTS)
    yield f"Requests: {actions}. Events: {kinds}."


def types_of(kind: ReceivedKind) -> str:
    types = ", ".join(f"`{one}`" for one in kind.types)
    return f"`{kind.kind}`; {types}{f' with `{kind.variant[0]}`' if kind.variant else ''}"


def type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The type of a field in the words of the page; `definitions` are those of its payload's schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name in LINKED else type_of(definitions[name], definitions)
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " | ".join(f"`{one}`" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(one, definitions) for one in schema["anyOf"]))
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}), definitions)}{_range(schema, 'Items', '')}"
    if kind == "string":
        return (
            "time (RFC 3339)"
            if schema.get("format") == "date-time"
            else f"text{_range(schema, 'Length', ' characters')}"
        )
    return f"{kind}{_range(schema, 'imum', '')}"


def _range(schema: Mapping[str, Any], name: str, unit: str) -> str:
    least, most = schema.get(f"min{name}"), schema.get(f"max{name}")
    match least, most:
        case None, None:
            return ""
        case None, _:
            return f", at most {most:,}{unit}"
        case _, None:
            return f", at least {least:,}{unit}"
        case _:
            return f", {least:,} to {most:,}{unit}"


LINKED: set[str] = set()


def fields_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """The table of a payload's fields."""
    required = set(schema.get("required", ()))
    rows = []
    for name, field in schema.get("properties", {}).items():
        if name == "v":
            continue
        default = field.get("default")
        needed = "required" if name in required else "" if default is None else f"`{json.dumps(default)}`"
        rows.append((f"`{name}`", type_of(field, definitions), needed, field.get("description", "")))
    yield from table(("Field", "Type", "Default", "Meaning"), *rows)


def example_of(name: str) -> str:
    if name in PUBLISHED:
        model = next(model for model in PAYLOADS if model.__name__ == name)
        if issubclass(model, StrictPayload):
            checked(model, PUBLISHED[name])
        return json.dumps(PUBLISHED[name], ensure_ascii=False)
    return (GOLDEN / f"{WRITTEN[name]}.json").read_text("utf-8").strip()


def kinds() -> Iterator[str]:
    """An example of each content field."""
    for field, kind in BY_FIELD.items():
        golden = json.loads((KIND_GOLDEN / f"{kind.kind}.json").read_text("utf-8"))
        value = golden["sent"][-1]["value"]
        yield f"`{field}`, {kind.noun}:"
        yield ""
        yield "```json"
        yield json.dumps({"to": "5491155500001", field: value}, ensure_ascii=False)
        yield "```"
        yield ""


def payload(name: str, schema: Mapping[str, Any], listed: list[Channel]) -> Iterator[str]:
    where = [channel for channel in listed if name in channel.payloads]
    yield f"### {name}"
    yield ""
    topics = ", ".join(f"`{channel.address}`" for channel in where)
    yield f"On {topics}. {_prose(schema.get('description', ''))}".strip()
    yield ""
    definitions = schema.get("$defs", {})
    yield from fields_of(schema, definitions)
    yield "```json"
    yield example_of(name)
    yield "```"
    yield ""
    if name in DATA:
        yield f"`data` of its response: {_prose(DATA[name].get('description', ''))}"
        yield ""
        yield from fields_of(DATA[name], DATA[name].get("$defs", {}))


def _prose(description: str) -> str:
    """Without a head that only repeats the topic."""
    text = re.sub(r"^`<prefix>/[^`]*`[:.,]?( retained:)?\s*", "", " ".join(description.split()))
    return text[:1].upper() + text[1:]


def publisher(channel: Channel) -> str:
    if channel.action == "receive":
        return "programs"
    return "responder" if "/responder/" in channel.address else "bridge"


def page() -> str:
    listed = list(channels(Topics()))
    made = schemas()
    LINKED.update(made)
    LINKED.update(
        name
        for schema in (*made.values(), *DATA.values())
        for name, inner in schema.get("$defs", {}).items()
        if "properties" in inner
    )
    lines = [
        "# MQTT reference",
        "",
        "<!-- written by scripts/reference.py from bridge/contract; do not edit -->",
        "",
        "Every topic and every field. `wa` is the prefix (`WA_MQTT_PREFIX`). JSON payloads carry `v: 1`; readers",
        "ignore unknown fields, commands refuse them. Times are RFC 3339 in UTC, durations are seconds; only",
        "`timestamp` is unix seconds. The same as a machine-readable contract: AsyncAPI 3 at `/v1/asyncapi.json`, JSON",
        "Schema at `/v1/schemas`.",
        "",
        "## What works today",
        "",
        *features(),
        "",
        "## Topics",
        "",
        *table(
            ("Topic", "Published by", "QoS", "Retained", "Payload", "Purpose"),
            *(
                (
                    f"`{one.address}`",
                    publisher(one),
                    str(one.qos),
                    "yes" if one.retained else "no",
                    ", ".join(f"[{name}](#{name.lower()})" if name in made else "text" for name in one.payloads),
                    one.summary,
                )
                for one in listed
            ),
        ),
        "## Session states",
        "",
        *table(("`state`", "Meaning"), *((f"`{state}`", STATE_MEANING[state]) for state in SessionState)),
        "`reason` is stable, `text` says what to do:",
        "",
        *table(("`reason`", "`text`"), *((f"`{reason}`", text) for reason, text in REASON_TEXT.items())),
        "## Errors",
        "",
        *table(
            ("`error.code`", "Transient", "HTTP", "Meaning"),
            *(
                (f"`{code}`", "yes" if error.transient else "no", str(error.http), error.sentence)
                for code, error in ERRORS.items()
            ),
        ),
        "## Content of a command",
        "",
        "A command has exactly one content field.",
        "",
        *kinds(),
        "## Events",
        "",
        *table(
            ("`kind`", "Meaning", "Own fields"),
            *((f"`{one.kind}`", one.summary, ", ".join(f"`{name}`" for name in one.fields)) for one in events.EVENTS),
        ),
        "## Requests",
        "",
        "What changes something is done at most once for an `id`: the same `id` and arguments give the same",
        "response again, for 30 days; other arguments are `failed: conflict`. `unknown` = WhatsApp, or a bridge that",
        "ended meanwhile, left no answer: look, and ask again with a new `id` if it was not done. What only reads is",
        "never stored.",
        "",
        *table(
            ("`action`", "Does", "Done once for an `id`"),
            *(
                (f"`{action}`", request.summary, "yes" if request.changes else "")
                for action, request in requests.BY_ACTION.items()
            ),
        ),
        "## Payloads",
        "",
    ]
    parts: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for name, schema in made.items():
        lines += payload(name, schema, listed)
        own, data = schema.get("$defs", {}), DATA.get(name, {}).get("$defs", {})
        definitions: Mapping[str, Any] = {**own, **data}
        parts.update({inner: (part, definitions) for inner, part in definitions.items() if "properties" in part})
    lines += ["## Parts of payloads", ""]
    for name, (part, inner_definitions) in parts.items():
        if name not in made:
            lines += [f"### {name}", "", _prose(part.get("description", "")), "", *fields_of(part, inner_definitions)]
    return "\n".join(lines).rstrip() + "\n"


def readme(before: str) -> str:
    return MARK.sub(lambda found: found[1] + "\n".join(features()).rstrip() + "\n" + found[2], before)


def main() -> int:
    """0, or 1 where --check finds a difference."""
    reference, start = ROOT / "docs/mqtt.md", ROOT / "README.md"
    wanted = {reference: page(), start: readme(start.read_text("utf-8"))}
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for file in stale:
            print(f"{file.relative_to(ROOT)} is not what the contract says: run scripts/reference.py")  # noqa: T201
        return 1 if stale else 0
    for file in stale:
        file.write_text(wanted[file], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
