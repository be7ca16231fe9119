"""Contact cards."""

from __future__ import annotations

import quopri
import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator
from typing_extensions import override

from bridge.contract.jid import is_from_home, parse_recipient
from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import CleanText, PageText, Payload, StrictPayload

#: A line that goes on in the next one; properties with their parameters, in a group of their own or not.
_FOLD = re.compile(r"\r?\n[ \t]")
_FN = re.compile(r"(?:[\w-]+\.)?FN(?P<parameters>(?:;[^:]*)?):(?P<value>.*)", re.IGNORECASE)
_TEL = re.compile(r"(?:[\w-]+\.)?TEL(?P<parameters>(?:;[^:]*)?):(?P<value>.*)", re.IGNORECASE)
_WAID = re.compile(r"waid=(\d{5,15})(?!\d)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


def _digits_of(phone: str) -> str:
    """One spelling, so that a repeated command is the same command; with a leading 0 it is for `sent_from`."""
    if is_from_home(phone):
        return phone.strip()
    if not (recipient := parse_recipient(phone)).is_user:
        raise ValueError("phone must be a phone number")
    return recipient.user


class ContactCard(StrictPayload):
    """A name and a number, or a vCard (RFC 6350) as it is."""

    name: Annotated[CleanText, Field(min_length=1, max_length=200, pattern=r"\S")] | None = Field(
        default=None, description="name to show"
    )
    phone: Annotated[CleanText, AfterValidator(_digits_of)] | None = Field(
        default=None, description="number in any spelling"
    )
    vcard: Annotated[CleanText, Field(min_length=1, max_length=65_536)] | None = Field(
        default=None, description="a vCard (RFC 6350)"
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if (self.vcard is None) is (self.name is None or self.phone is None) or (self.vcard and self.phone):
            raise ValueError("a contact has a name and a phone, or a vcard")
        return self

    def sent_from(self, own: str | None) -> Self:
        """The card of an account with the number `own`: a phone with a leading 0 is of its country."""
        if self.phone is None or not is_from_home(self.phone):
            return self
        return self.model_copy(update={"phone": parse_recipient(self.phone, own).user})


class Contacts(RootModel[Annotated[list[ContactCard], Field(min_length=1, max_length=20)]], Content):
    """`{"contacts": [{"name": "Ana", "phone": "5491155500001"}]}`, or `[{"vcard": "BEGIN:VCARD…"}]`; 1 to 20."""

    model_config = ConfigDict(frozen=True, strict=True)
    kind: ClassVar = "contacts"
    field: ClassVar = "contacts"
    noun: ClassVar = "contact cards, 1 to 20"
    metavar: ClassVar = "NAME:PHONE[,NAME:PHONE…]"
    option_help: ClassVar = "Send contacts instead of a text."

    @property
    @override
    def summary(self) -> str:
        names = ", ".join(card.name or "vCard" for card in self.root)
        return f"{RECEIVED.noun.icon} {names}"

    @override
    def sent_from(self, own: str | None) -> Self:
        if not any(is_from_home(card.phone or "") for card in self.root):
            return self
        return type(self)([card.sent_from(own) for card in self.root])

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        cards = [card.rpartition(":") for card in text.split(",")]
        if not all(colon for _, colon, _ in cards):
            raise ValueError("a name, a colon and a phone")
        return [{"name": name.strip(), "phone": phone.strip()} for name, _, phone in cards]


class ReceivedContact(Payload):
    """A contact card of a message. A text is the vCard alone, as older bridges journalled it: name and phone are read
    from it."""

    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"]})

    name: PageText | None = Field(default=None, description="name on the card")
    phone: PageText | None = Field(default=None, description="its first number: digits where WhatsApp knows it")
    vcard: PageText = Field(description="the card as it came (RFC 6350), without a picture")

    @model_validator(mode="before")
    @classmethod
    def _from_card(cls, value: Any) -> Any:
        return read_card(value) if isinstance(value, str) else value


def read_card(vcard: str) -> dict[str, str | None]:
    """Name, phone and text of a vCard, whatever it holds."""
    lines = _FOLD.sub("", vcard).splitlines()
    phones = [found for line in lines if (found := _TEL.match(line))]
    known = next((waid[1] for phone in phones if (waid := _WAID.search(phone["parameters"]))), None)
    written = next((number for phone in phones if (number := phone["value"].strip())), None)
    names = (_value(found) for line in lines if (found := _FN.match(line)))
    return {"name": next(filter(None, names), None), "phone": known or written, "vcard": vcard}


def _value(found: re.Match[str]) -> str:
    text = found["value"]
    if "QUOTED-PRINTABLE" in found["parameters"].upper():
        text = quopri.decodestring(text.encode()).decode("utf-8", "replace")
    return _ESCAPED.sub(lambda one: " " if one[1] in "nN" else one[1], text).strip()


SENT = Contacts
RECEIVED = ReceivedKind(
    kind="contacts",
    types=("vcard", "multi_vcard"),
    noun=Noun("contact", "contacto", "👤"),
    fields={"contacts": list[ReceivedContact]},
)
