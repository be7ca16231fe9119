"""Polls; `body` is the question. Votes are events."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator
from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import CleanText, PageText, Payload, StrictPayload

#: What WhatsApp's own apps allow; the page itself refuses nothing.
MAX_QUESTION, MAX_OPTION = 255, 100


class Poll(StrictPayload, Content):
    """`{"poll": {"name": "¿Qué día?", "options": ["Lunes", "Martes"], "max": 1}}`; `max` left out: any number."""

    kind: ClassVar = "poll"
    field: ClassVar = "poll"
    noun: ClassVar = "a question with 2 to 12 answers to choose from"
    metavar: ClassVar = "QUESTION|ANSWER|ANSWER[|ANSWER…]"
    option_help: ClassVar = "Send a poll instead of a text; one answer may be chosen."

    name: Annotated[CleanText, Field(min_length=1, max_length=MAX_QUESTION, pattern=r"\S", description="the question")]
    options: Annotated[
        list[Annotated[CleanText, Field(min_length=1, max_length=MAX_OPTION, pattern=r"\S")]],
        Field(min_length=2, max_length=12, description="different answers, 2 to 12"),
    ]
    max: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="answers that a person may choose; any number by default"
    )

    @model_validator(mode="after")
    def _answers_differ(self) -> Self:
        if len({option.strip() for option in self.options}) < len(self.options):
            raise ValueError("options must differ")
        if self.max is not None and self.max > len(self.options):
            raise ValueError("max is larger than the number of options")
        return self

    @property
    @override
    def summary(self) -> str:
        return f"{RECEIVED.noun.icon} {self.name}"

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        name, *options = (part.strip() for part in text.split("|"))
        if len(options) < 2:
            raise ValueError("a question and two answers or more")
        return {"name": name, "options": options, "max": 1}


class PollQuestion(Payload):
    """A poll in an inbound message."""

    name: PageText = Field(description="the question")
    options: list[PageText] = Field(description="the answers to choose from")
    max: int | None = Field(default=None, description="answers that a person may choose; null = any number")


SENT = Poll
RECEIVED = ReceivedKind(
    kind="poll",
    types=("poll_creation",),
    noun=Noun("poll", "encuesta", "📊"),
    fields={"poll": PollQuestion},
)
