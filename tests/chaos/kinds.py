"""Every kind of the registries under load: contacts send and do them, a sender sends and does them.

What a contact sends is the first case of the kind's golden file; a file has fresh bytes. A command has a mark of its
own, by which WhatsApp's side recognizes what it received, or the SHA-256 of its file where the kind shows no text.
A sticker is drawn again and shows none: the message id of its result names it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from bridge.contract.jid import MessageKey
from bridge.contract.kinds import KINDS, RECEIVED
from bridge.contract.messages import Inbound
from bridge.sandbox import Sandbox
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, ServiceMessage
from tests.sample_files import JPEG, MP3, MP4, OGG, WEBP

GOLDEN = Path(__file__).parents[1] / "drivers" / "kinds"
#: Types whose file WhatsApp Web downloads.
_FILES = frozenset({"image", "video", "ptv", "audio", "ptt", "sticker", "document"})
_OF_FILES = ("mimetype", "size", "filehash")
#: Bytes of a contact's file, and how often; and of a command's file, which is in the command.
SIZES = {1_000: 30, 10_000: 60, 1_000_000: 9, 64_000_000: 1}
SENT_SIZES = (16, 1_000, 100_000)
ACTS = ("reaction", "edit", "revoke", "poll_vote")
_MARK = re.compile(r"kind \w+ \d+")
_CONTENTS = {"image": JPEG, "video": MP4, "audio": MP3, "voice": OGG, "sticker": WEBP, "document": b"%PDF-1.7\n"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A message as its page's model has it, and the fields that a reader gets."""

    kind: str
    model: dict[str, Any]
    content: dict[str, Any]


def samples() -> list[Sample]:
    """One of each kind that is received, without texts."""
    found = []
    for kind in RECEIVED:
        if kind.kind != "text":
            first = json.loads((GOLDEN / f"{kind.kind}.json").read_text())["received"][0]
            found.append(Sample(kind.kind, first["model"], first["content"]))
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """A message of a contact: its name in the ledger, and the SHA-256 of its file."""

    name: str
    message: ServiceMessage
    sample: Sample
    sha256: str | None


class Contacts:
    """The contacts' side: they send every kind in turn, and do every act to what has arrived."""

    def __init__(self, sandbox: Sandbox, rng: random.Random) -> None:
        self._sandbox = sandbox
        self._rng = rng
        self._samples = cycle(samples())
        self._acts = cycle(ACTS)
        self._numbers = Counter[str]()
        self.written: dict[str, Written] = {}  # raw id of the message ->

    def send(self, chat: str, author: str | None) -> Written:
        """A contact sends the next kind."""
        sample = next(self._samples)
        self._numbers[sample.kind] += 1
        fields, kind, sha256 = dict(sample.model), str(sample.model["type"]), None
        del fields["type"]
        body = str(fields.pop("body", ""))
        for name in _OF_FILES if kind not in _FILES else ():
            fields.pop(name, None)
        if kind in _FILES:
            [size] = self._rng.choices(tuple(SIZES), tuple(SIZES.values()))
            content = self._rng.randbytes(size)
            sha256 = hashlib.sha256(content).hexdigest()
            fields |= self._sandbox.received.keep(content, kind)
        message = self._sandbox.world.incoming(chat, body, author=author, kind=kind, fields=fields)
        name = f"{sample.kind} {self._numbers[sample.kind]}"
        written = self.written[message.id] = Written(name, message, sample, sha256)
        return written

    def act(
        self, texts: Iterator[ServiceMessage], newest: Iterator[ServiceMessage], polls: Iterator[ServiceMessage]
    ) -> str | None:
        """The next act, to a message that no act was done to; returns the name of its event, None if there is none.

        Only the `newest` of a chat are edited: WhatsApp Web announces no edit of a message that it has not in memory.
        """
        kind, acts = next(self._acts), self._sandbox.world.acts
        message = next({"poll_vote": polls, "edit": newest}.get(kind, texts), None)
        if message is None:
            return None
        name = f"{kind} {message.key}"
        match kind:
            case "reaction":
                acts.react(message.id, "👍", message.author or message.chat)
            case "edit":
                acts.edit(message.id, f"edited {message.body}")
            case "revoke":
                acts.revoke(message.id)
            case _:
                acts.vote(message.id, ["Sí"], message.author or message.chat)
        return name


def garbled(written: Written, message: Inbound) -> str | None:
    """How a message differs from what was written; None if it does not. A file's fields are checked by its event."""
    read = _known(json.loads(message.to_json()))
    if message.kind not in (None, written.sample.kind):
        return f"kind {message.kind}"
    for name, value in written.sample.content.items():
        if name != "media" and read.get(name) != value:
            return f"{name} = {read.get(name)!r}, not {value!r}"
    if written.sha256 and (message.media is None or message.media.sha256 != written.sha256):
        return "SHA-256 of its file"
    return None


def _known(value: Any) -> Any:
    """A payload without its fields that are null."""
    if isinstance(value, dict):
        return {name: _known(part) for name, part in value.items() if part is not None}
    return [_known(part) for part in value] if isinstance(value, list) else value


class Commands:
    """The sender's side: contents of every kind in turn, and the acts on what it sent and received."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kinds = cycle(kind.kind for kind in KINDS)
        self._numbers = Counter[str]()
        self._names: dict[str, str] = {}  # SHA-256 or forwarded text -> name of the command
        self._effects: dict[str, tuple[str, str]] = {}  # name of the command -> kind of the act, id of the message
        self._own: list[str] = []  # ids of texts that were sent, for acts
        self._stickers: dict[str, str] = {}  # raw id of the message -> name of the command

    def make(self, texts: Iterator[ServiceMessage]) -> tuple[str, str, dict[str, Any] | str] | None:
        """Name, field and value of the next command; None where it needs a message and there is none."""
        kind = next(self._kinds)
        self._numbers[kind] += 1
        name = f"kind {kind} {self._numbers[kind]}"
        match kind:
            case "text":
                return name, "message", name
            case "location":
                return name, kind, {"latitude": -34.6, "longitude": -58.4, "name": name}
            case "contacts":
                return name, kind, [{"name": name, "phone": "5491155500001"}]  # type: ignore[return-value]
            case "poll":
                return name, kind, {"name": name, "options": ["Sí", "No"]}
            case "reaction" | "forward":
                message = next(texts, None)
                if message is None:
                    return None
                if kind == "forward":
                    self._names[message.body] = name
                    return name, kind, {"message_id": message.key}
                self._effects[name] = kind, message.id
                return name, kind, {"message_id": message.key, "emoji": "👍"}
            case "edit" | "revoke":
                if not self._own:
                    return None
                message_id = self._own.pop()
                self._effects[name] = kind, MessageKey.parse(message_id).id
                return name, kind, {"message_id": message_id, **({"message": f"{name}."} if kind == "edit" else {})}
        content = _CONTENTS[kind] + self._rng.randbytes(self._rng.choice(SENT_SIZES))
        self._names[hashlib.sha256(content).hexdigest()] = name
        captioned = kind in ("image", "video", "document")
        return name, kind, {"data": base64.b64encode(content).decode(), **({"caption": name} if captioned else {})}

    def sent(self, name: str, message_id: str | None) -> None:
        """A command was sent; acts may use a text."""
        if message_id is not None and name.startswith("kind text"):
            self._own.append(message_id)
        elif message_id is not None and name.startswith("kind sticker"):
            self._stickers[MessageKey.parse(message_id).id] = name

    def received(self, sandbox: Sandbox) -> Counter[str]:
        """How often each command reached WhatsApp, under any id; an act counts once if it has its effect."""
        found, world = Counter[str](), sandbox.world
        for sent in world.state.sent.values():
            message = world.message(sent.id)
            shown = json.dumps([sent.body, sent.caption, sent.filename, message.fields if message else None])
            mark = _MARK.search(shown)
            name = mark[0] if mark else self._names.get(sent.sha256 or sent.body, self._stickers.get(sent.id))
            if name is not None:
                found[name] += sent.deliveries
        by_id = {MessageKey.parse(one.revoked.original).id: one for one in world.state.messages if one.revoked}
        for name, (kind, message_id) in self._effects.items():
            message = by_id.get(message_id) or world.message(message_id)
            assert message is not None
            match kind:
                case "reaction":
                    found[name] += bool({ACCOUNT, ACCOUNT_LID} & message.reactions.keys())
                case "edit":
                    found[name] += message.edited is not None
                case _:
                    found[name] += message.revoked is not None
        return found
