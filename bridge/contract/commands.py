"""Commands: send, cancel and control, and how raw bytes are parsed into them.

Pure. Every refusal is an `InvalidRequest` or `TooLarge` whose sentence names the field and the error.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Never, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import override

from bridge.contract.errors import InvalidRequest, TooLarge
from bridge.contract.faults import said_of
from bridge.contract.jid import Jid, is_from_home, parse_recipient
from bridge.contract.kinds import BY_FIELD, KINDS, MAX_TEXT, Act, Content, load_field, names_chat
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.payload import VERSION, CleanJson, CleanText, StrictPayload, valid_text

MAX_COMMAND_BYTES = 1_000_000
DEFAULT_TTL = 3600
MAX_TTL = 30 * 24 * 3600
#: Seconds that `send_at` may be ahead.
MAX_AHEAD = 366 * 24 * 3600

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]")


def _refuse_other_spelling(value: object) -> object:
    """Pydantic accepts bare numbers as unix time and guesses seconds or milliseconds from their size: refused here."""
    if value is not None and not (isinstance(value, str) and _DATE.match(value)):
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z")
    return value


GivenInstant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_refuse_other_spelling)]
CommandId = Annotated[CleanText, StringConstraints(min_length=1, max_length=128)]


class Priority(StrEnum):
    """Order among waiting chats: a person at a keyboard, an answer, a campaign."""

    HUMAN = "human"
    REPLY = "reply"
    BULK = "bulk"

    @property
    def rank(self) -> int:
        """Position in the order: a lower rank is sent first."""
        return list(Priority).index(self)


#: Marks missing content, so that it is reported together with the other errors.
_ABSENT: Final = object()


class SendEnvelope(StrictPayload):
    """The fields of a send beside its content."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [field]} for field in BY_FIELD]})

    v: Literal[1] = VERSION
    id: CommandId | None = Field(
        default=None,
        description="1 to 128 characters; the same id is sent once. The bridge generates a missing one",
    )
    to: CleanText | None = Field(
        default=None, description="number in any spelling, or a chat's address; not needed where the content names it"
    )
    ttl: Annotated[
        int,
        Field(
            ge=0, le=MAX_TTL, description="seconds from the claim, or from `send_at`, to send it within; 0 = no limit"
        ),
    ] = DEFAULT_TTL
    send_at: GivenInstant | None = Field(
        default=None,
        description="time before which it is not sent, a year ahead at most; one that is past holds nothing back",
    )
    expires_at: GivenInstant | None = Field(default=None, description="time until which it must be sent")
    priority: Annotated[Priority, Field(strict=False, description="order among waiting chats")] = Priority.REPLY
    reply_topic: CleanText | None = Field(
        default=None, description="where a copy of each result goes: `<prefix>/<session>/reply/<client>`"
    )
    transaction: CleanText | None = Field(default=None, description="returned in every result")
    meta: CleanJson = Field(default=None, description="free JSON, returned in every result")

    @model_validator(mode="before")
    @classmethod
    def _carries_one_content(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        given = sorted(name for name in fields.keys() & BY_FIELD.keys() if fields[name] is not None)
        if len(given) > 1:
            raise PydanticCustomError("contents", f"a command carries one content, not {' and '.join(given)}")
        if not given:
            fields = {**fields, "message": _ABSENT}
        addressed = fields.get("to") is not None or any(
            issubclass(BY_FIELD[name], Act) and names_chat(fields[name]) for name in given
        )
        return fields if addressed else {**fields, "to": _ABSENT}

    @cached_property
    def content(self) -> Content:
        """The content to send."""
        content: Content = next(found for field in BY_FIELD if (found := getattr(self, field)) is not None)
        return content

    @cached_property
    def modifiers(self) -> Modifiers:
        """How to send it."""
        given = {name: value for name in Modifiers.model_fields if (value := getattr(self, name))}
        return Modifiers.model_construct(**given) if given else NO_MODIFIERS

    @override
    def check(self) -> None:
        """Raises `TooLarge`, and `InvalidRequest` for a recipient that cannot be parsed."""
        self.content.check()
        if self.send_at is not None and self.expires_at is not None and self.expires_at <= self.send_at:
            raise InvalidRequest("expires_at is not after send_at: it could never be sent.")
        if refused := self.modifiers.given().keys() - self.content.modifiers:
            raise InvalidRequest(f"{self.content.field} cannot have {' and '.join(sorted(refused))}.")
        to = self.known_recipient
        if self.modifiers.mentions and (to is None or not to.is_group):
            raise InvalidRequest("mentions go with a message to a group.")

    @property
    def names_command(self) -> str | None:
        """The command whose recipient is this one's, where `to` is left out."""
        return self.content.command_id if self.to is None and isinstance(self.content, Act) else None

    @property
    def known_recipient(self) -> Jid | None:
        """The recipient; None where only the session knows it. Raises `InvalidRequest`."""
        return None if self.names_command or is_from_home(self.to or "") else self.recipient

    @cached_property
    def recipient(self) -> Jid:
        """The normal form of `to`, or the chat of the message that the content names. Raises `InvalidRequest`."""
        if self.to is not None:
            return parse_recipient(self.to)
        if isinstance(self.content, Act) and (chat := self.content.chat) is not None:
            return chat
        raise InvalidRequest("to is missing: only a whole message_id names its chat.")

    def sent_from(self, own: str | None) -> Self:
        """The command of an account with the number `own`: decides the country of a number with a leading 0.

        Raises `InvalidRequest` where it cannot be decided.
        """
        changed: dict[str, Any] = {}
        if own is not None and self.to is not None and is_from_home(self.to):
            changed["to"] = str(parse_recipient(self.to, own))
        if (content := self.content.sent_from(own)) is not self.content:
            changed[content.field] = content
        if not changed:
            return self
        command = self.model_copy(update=changed)
        vars(command).pop("content", None)  # cached
        return command

    def expiry(self, claimed_at: float) -> float | None:
        """Expiry as unix seconds; None = it never expires. The ttl counts from `send_at`, even from a past one."""
        begins = claimed_at if self.send_at is None else self.send_at.timestamp()
        ends = [begins + self.ttl] if self.ttl else []
        if self.expires_at is not None:
            ends.append(self.expires_at.timestamp())
        return min(ends, default=None)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the identity of a command: normalised `to`, kind, content, and modifiers where it has some."""
        identity = json.dumps([str(self.recipient), *self.content.identity, *self.modifiers.identity])
        return hashlib.sha256(identity.encode()).hexdigest()


if TYPE_CHECKING:

    class SendCommand(Modifiers, SendEnvelope): ...

else:  # one optional field for each kind
    SendCommand = create_model(
        "SendCommand",
        __base__=(Modifiers, SendEnvelope),
        __module__=__name__,
        __doc__="""A message to send: exactly one content field; `message` is a text.

        Without `id` the bridge generates one. `ttl` is seconds from the claim, or from `send_at`; 0 = no limit.
        """,
        **{kind.field: (kind, Field(default=None, description=f"content: {kind.noun}")) for kind in KINDS},
    )


class CancelCommand(StrictPayload):
    """On `<prefix>/<session>/out` in place of a send: take back a command that has not left.

    Its result is `failed: cancelled`; for one that is being sent or was sent, what is true of it.
    """

    v: Literal[1] = VERSION
    cancel: CommandId = Field(description="id of the command")
    reply_topic: CleanText | None = Field(
        default=None, description="where a copy of the result goes: `<prefix>/<session>/reply/<client>`"
    )
    transaction: CleanText | None = Field(default=None, description="returned in the result, in place of the command's")


_C = TypeVar("_C", bound=StrictPayload)


def parse_json(model: type[_C], payload: bytes) -> _C:
    """Turn a payload into a command.

    Raises `TooLarge` (payload or text over the limit) or `InvalidRequest` (everything else).
    """
    return checked(model, json_object(payload))


def json_object(payload: bytes) -> dict[str, object]:
    """The fields of a payload. Raises `TooLarge`, `InvalidRequest`."""
    if len(payload) > MAX_COMMAND_BYTES:
        raise TooLarge(f"The payload has {len(payload):,} bytes; {MAX_COMMAND_BYTES:,} are allowed.")
    try:
        # json.loads and not pydantic's own parser: that one refuses lone surrogates as bad JSON, with no field named
        fields = _DECODER.decode(payload.decode("utf-8-sig"))  # PowerShell writes a byte order mark
    except UnicodeDecodeError as error:
        raise InvalidRequest("The payload is not valid UTF-8.", logged="not valid UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"The payload is not JSON: {error}.", logged=f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        reason = "JSON but not an object of fields"
        raise InvalidRequest(f'The payload is {reason}, {{"to": …}}.', logged=reason)
    return fields


def checked(model: type[_C], fields: Mapping[str, object]) -> _C:
    """A command from these fields. Raises `TooLarge`, or `InvalidRequest` with a sentence that names the error."""
    command = part_of(model, fields)
    command.check()
    return command


def part_of(model: type[_C], fields: Mapping[str, object]) -> _C:
    """A part of a command. Raises `InvalidRequest` with a sentence that names the error."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(_explain(error), detail=_detail(error), logged=_fields(error)) from error


def content_of(field: str, value: object) -> Content:
    """The content for a command's field and its value. Raises `InvalidRequest`, `TooLarge`."""
    try:
        content = load_field(field, value)
    except ValidationError as error:
        raise InvalidRequest(_explain(error, field)) from error
    content.check()
    return content


def parse_out(payload: bytes) -> SendCommand | CancelCommand:
    """Turn a payload of `out` into a command. Raises as `parse_json`."""
    try:
        fields = json_object(payload)
    except InvalidRequest as error:
        if not payload or payload.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raise
        raise InvalidRequest(f"{error.text} {_PLAIN}", logged=error.logged) from error
    return checked(CancelCommand, fields) if "cancel" in fields else checked(SendCommand, fields)


_PLAIN = "Plain text goes to wa/<session>/out/NUMBER."


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not allowed")


#: Built once: `json.loads` with an argument builds one per payload.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_text(recipient: str, payload: bytes) -> SendCommand:
    """Turn the plain payload of `out/<recipient>` into a command. Raises as `parse_json`."""
    if "/" in recipient:
        raise InvalidRequest("A recipient is one level of the topic: out/5491155500001, without a / after or in it.")
    if len(payload) > MAX_TEXT * 4:
        raise TooLarge
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The text is not valid UTF-8.") from error
    return checked(SendCommand, {"to": recipient, "message": text})


def _fields(error: ValidationError) -> str:
    """The wrong fields for log lines: no sentence, which may quote a value, and no name that the contract has not."""
    faults = []
    for fault in error.errors(include_url=False, include_context=False)[:3]:
        where = ".".join(map(str, fault["loc"])) or "payload"
        if fault["input"] is _ABSENT or fault["type"] == "missing":
            faults.append(f"{where} is missing")
        elif fault["type"] == "extra_forbidden":
            faults.append("a field is not known")
        else:
            faults.append(f"{where} is wrong ({fault['type']})")
    return ", ".join(faults)


def _detail(error: ValidationError) -> str | None:
    """The detail of the first `InvalidRequest` that a validator raised."""
    causes = (fault.get("ctx", {}).get("error") for fault in error.errors(include_url=False, include_input=False))
    return next((cause.detail for cause in causes if isinstance(cause, InvalidRequest)), None)


def _explain(error: ValidationError, *parents: str) -> str:
    """One sentence for the first three errors, naming each field under its parents."""
    faults = []
    for fault in error.errors(include_url=False)[:3]:
        where = ".".join(map(str, (*parents, *fault["loc"]))) or "payload"
        match fault["type"]:
            case _ if fault["input"] is _ABSENT:
                faults.append(f"{where} is missing")
            case "missing":
                faults.append(f"{where} is missing")
            case "contents":
                faults.append(fault["msg"])
            case "extra_forbidden":
                faults.append(f"{where[:64]} is not a known field")
            case _:
                faults.append(f"{where}: {said_of(fault)}")
    return valid_text(f"Refused: {'; '.join(faults)}.")
