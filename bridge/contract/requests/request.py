"""The base class of requests. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints
from typing_extensions import override

from bridge.contract.jid import Jid, is_from_home, parse_recipient
from bridge.contract.payload import VERSION, CleanText, Payload, StrictPayload

#: Fields of every request; all others are arguments of its action.
_ENVELOPE = frozenset({"v", "id", "action", "reply_topic", "transaction"})


class Request(StrictPayload):
    """`<prefix>/<session>/request`: an action that is not a message.

    Each action is a subclass that declares `action` as a `Literal` with its name as default, and its arguments.
    """

    #: One sentence for the generated documentation.
    summary: ClassVar[str]
    #: Arguments for the documentation.
    example: ClassVar[Mapping[str, Any]] = {}
    #: Whether it reads what people write: then it takes the right to read, otherwise the right to send.
    reads: ClassVar[bool] = False
    #: Whether it changes something: then it is claimed like a send, and done at most once.
    changes: ClassVar[bool] = False
    #: Whether it may take minutes: then responses with the status `running` come before the last one.
    long: ClassVar[bool] = False
    #: The form of `data`; None: the action answers nothing, or its docstring says what.
    data: ClassVar[type[Payload] | None] = None
    #: Arguments that are a recipient in any spelling; the driver gets addresses.
    recipients: ClassVar[tuple[str, ...]] = ()
    #: Arguments that are lists of recipients.
    recipient_lists: ClassVar[tuple[str, ...]] = ()

    v: Literal[1] = VERSION
    id: Annotated[CleanText, StringConstraints(min_length=1, max_length=128)] | None = Field(
        default=None, description="returned in the response; what changes something is done once for an id"
    )
    action: str = Field(description="what to do")
    reply_topic: CleanText | None = Field(
        default=None, description="where a copy of the response goes: `<prefix>/<session>/reply/<client>`"
    )
    transaction: CleanText | None = Field(default=None, description="returned in the response")

    @override
    def check(self) -> None:
        """Raises `InvalidRequest` for a recipient that cannot be parsed."""
        for spelled in (*self._spelled.values(), *chain.from_iterable(self._spelled_lists.values())):
            if not is_from_home(spelled):  # else its country is that of the account, which the session knows
                parse_recipient(spelled)

    @property
    def addresses(self) -> Mapping[str, Jid]:
        """The normal form of each recipient, by argument name. Raises `InvalidRequest`."""
        return {name: parse_recipient(spelled) for name, spelled in self._spelled.items()}

    @property
    def address_lists(self) -> Mapping[str, tuple[Jid, ...]]:
        """The normal form of each list of recipients, by argument name, in their order. Raises `InvalidRequest`."""
        return {name: tuple(map(parse_recipient, spelled)) for name, spelled in self._spelled_lists.items()}

    def sent_from(self, own: str | None) -> Self:
        """The request of an account with the number `own`: decides the country of a number with a leading 0."""

        def written(spelled: str) -> str:
            return str(parse_recipient(spelled, own)) if is_from_home(spelled) else spelled

        single = {name: written(spelled) for name, spelled in self._spelled.items()}
        lists = {name: [written(spelled) for spelled in spellings] for name, spellings in self._spelled_lists.items()}
        return self.model_copy(update={**single, **lists})

    @property
    def _spelled(self) -> dict[str, str]:
        return {name: spelled for name in self.recipients if (spelled := getattr(self, name)) is not None}

    @property
    def _spelled_lists(self) -> dict[str, list[str]]:
        return {name: getattr(self, name) or [] for name in self.recipient_lists}

    @property
    def normal_arguments(self) -> dict[str, Any]:
        """Its arguments as JSON, with the normal form of each recipient. Raises `InvalidRequest`."""
        single = {name: str(to) for name, to in self.addresses.items()}
        return {**self.arguments, **single, **{name: [*map(str, tos)] for name, tos in self.address_lists.items()}}

    @property
    def content_hash(self) -> str:
        """SHA-256 of its identity: the action, and the arguments in their normal form. Raises `InvalidRequest`."""
        identity = json.dumps([self.action, self.normal_arguments], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments as JSON."""
        return self.model_dump(mode="json", exclude=set(_ENVELOPE), exclude_none=True)


class ChatRequest(Request):
    """A request about one chat."""

    recipients: ClassVar = ("chat",)

    chat: CleanText = Field(description="number in any spelling, or a chat's address")
