"""Plain text."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, RootModel
from typing_extensions import override

from bridge.contract.errors import TooLarge
from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import CleanText, PageText, Payload

#: Characters that WhatsApp takes.
MAX_TEXT = 65_536


def refuse_blank(text: str) -> str:
    """For `AfterValidator`: a text that holds no visible character."""
    if not text.strip():
        raise ValueError("is empty")
    return text


class Text(RootModel[Annotated[CleanText, AfterValidator(refuse_blank)]], Content):
    """A text as its field has it: `{"message": "Hola"}`."""

    model_config = ConfigDict(frozen=True, strict=True)
    kind: ClassVar = "text"
    field: ClassVar = "message"
    noun: ClassVar = "a text, 1 to 65,536 characters"
    modifiers: ClassVar = Content.modifiers | {"link_preview"}

    @property
    @override
    def summary(self) -> str:
        return self.root

    @property
    @override
    def value(self) -> str:
        return self.root  # the dump of the model gives the same, at ten times the cost

    @override
    def check(self) -> None:
        """Raises `TooLarge` above `MAX_TEXT` characters."""
        if len(self.root) > MAX_TEXT:
            raise TooLarge(f"The message has {len(self.root):,} characters; WhatsApp takes {MAX_TEXT:,}.")


#: What an erased command carried.
ERASED_TEXT = Text.model_construct("")


class LinkPreview(Payload):
    """The preview of a link in a text, as its sender made it."""

    url: PageText = Field(description="address that the preview belongs to")
    title: PageText | None = Field(default=None, description="title of the page")
    description: PageText | None = Field(default=None, description="the page in a sentence")


SENT = Text
RECEIVED = ReceivedKind(
    kind="text",
    types=("chat", "comment", "hsm", "automated_greeting_message"),
    noun=Noun("text", "texto"),
    fields={"link": LinkPreview},
    is_text=True,
)
