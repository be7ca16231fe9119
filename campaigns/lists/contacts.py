"""Rows of a file as contacts: which column is the number, which the name, and what is wrong with a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bridge.contract.campaigns import MOST_ROWS
from bridge.contract.errors import CodedError
from bridge.contract.jid import parse_recipient
from bridge.contract.phone_numbers import canonical, lacks_country
from bridge.contract.text_normalize import unaccented
from campaigns.errors import FileTooLarge, UnusableFile
from campaigns.templates import variable_name

_PHONE = frozenset(
    (
        *("telefono", "tel", "telefonos", "celular", "cel", "movil", "whatsapp", "wsp", "numero", "nro", "numero de"),
        *("telefono", "telefono celular", "numero de telefono", "phone", "phone number", "mobile", "cell", "number"),
        *("to", "fono", "contacto", "numero de whatsapp"),
    )
)
_NAME = frozenset({"nombre", "name", "nombre y apellido", "nombre completo", "cliente", "full name", "first name"})
_TAGS = frozenset({"tags", "tag", "etiquetas", "etiqueta", "grupo", "grupos"})
LONGEST_VALUE, LONGEST_NAME, MOST_TAGS = 4_096, 200, 20


@dataclass(slots=True)
class ListedContact:
    """One person of a list. `key` is the form of the number in which people are compared."""

    line: int
    to: str
    key: str
    name: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    def absorb(self, other: ListedContact) -> None:
        """Take over from another row of the same person what this one has not."""
        self.name = self.name or other.name
        self.values = {**other.values, **{name: value for name, value in self.values.items() if value}}
        self.tags = tuple(dict.fromkeys((*self.tags, *other.tags)))


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A row that is not used, and why."""

    line: int
    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is what; `values` are the variables, by column."""

    phone: int
    name: int | None
    tags: int | None
    values: Mapping[int, str]

    @property
    def variables(self) -> list[str]:
        """The names of the variables that a row of the file has."""
        return [*(["nombre", "name"] if self.name is not None else []), *self.values.values()]


def columns_of(header: list[str]) -> Columns:
    """The meaning of the columns by their titles. Raises `UnusableFile` with what to change."""
    titles = [" ".join(unaccented(cell.lstrip("\ufeff")).replace("_", " ").split()) for cell in header]
    phones = [place for place, title in enumerate(titles) if title in _PHONE]
    if not phones:
        if number_key(header[0]) or any(number_key(cell) for cell in header):
            raise UnusableFile(
                "The first row has a number: put a row with titles above it, such as telefono;nombre.",
                detail="no_titles",
            )
        shown = ", ".join(cell.strip() or "(empty)" for cell in header[:8])
        raise UnusableFile(
            f"No column has phone numbers: give one the title telefono. Titles found: {shown}.",
            detail="no_phone_column",
        )
    if len(phones) > 1:
        both = " and ".join(header[place].strip() for place in phones)
        raise UnusableFile(
            f"The columns {both} could all be the number: rename all but one of them.", detail="two_phone_columns"
        )
    names = [place for place, title in enumerate(titles) if title in _NAME]
    tags = [place for place, title in enumerate(titles) if title in _TAGS]
    taken = {*phones, *names[:1], *tags[:1]}
    values = {place: variable_name(cell) for place, cell in enumerate(header) if place not in taken and cell.strip()}
    every = [variable_name(cell) for cell in header if cell.strip()]
    if len(set(every)) < len(every):
        raise UnusableFile("Two columns have the same title: rename one of them.", detail="same_titles")
    return Columns(phones[0], names[0] if names else None, tags[0] if tags else None, values)


def contacts_of(
    rows: Iterable[tuple[int, list[str]]], own: str | None = None
) -> Iterator[Columns | ListedContact | WrongRow]:
    """The columns first, then each row. `own`: the account's number, which decides the country of a leading 0.

    Raises `UnusableFile`, `FileTooLarge`.
    """
    numbered = iter(rows)
    first = next(numbered, None)
    if first is not None and first[1][:1] and first[1][0].casefold().startswith("sep="):
        first = next(numbered, None)
    if first is None:
        raise UnusableFile(
            "The file is empty: the first row has the titles, for example telefono;nombre.", detail="empty_file"
        )
    columns = columns_of(first[1])
    yield columns
    for count, (line, cells) in enumerate(numbered, start=1):
        if count > MOST_ROWS:
            raise FileTooLarge(
                f"The list has more than {MOST_ROWS:,} rows: divide it into several.", detail="too_many_rows"
            )
        yield _contact(line, cells, columns, own)


def _contact(line: int, cells: list[str], columns: Columns, own: str | None) -> ListedContact | WrongRow:
    def cell(place: int | None) -> str:
        return cells[place].strip() if place is not None and place < len(cells) else ""

    given = cell(columns.phone)
    if not given:
        return WrongRow(line, "has no number", "no_number")
    found = number_key(given, own)
    if found is None:
        reason = f"{given[:40]!r} is no phone number; write it with its country, such as 5491155500001"
        return WrongRow(line, reason, "not_a_number")
    name = cell(columns.name)
    if len(name) > LONGEST_NAME:
        return WrongRow(line, f"the name has more than {LONGEST_NAME} characters", "too_long")
    values = {title: cell(place) for place, title in columns.values.items()}
    if long := next((title for title, value in values.items() if len(value) > LONGEST_VALUE), None):
        return WrongRow(line, f"the column {long} has more than {LONGEST_VALUE:,} characters", "too_long")
    if any("\0" in value for value in (name, *values.values())):
        return WrongRow(line, "holds a character that WhatsApp cannot carry", "unprintable")
    tags = tuple(filter(None, (part.strip()[:64] for part in cell(columns.tags).replace(";", ",").split(","))))
    to, key = found
    return ListedContact(line, to, key, name or None, values, tags[:MOST_TAGS])


def number_key(given: str, own: str | None = None) -> tuple[str, str] | None:
    """A number or a LID as it is sent to, and in the form in which it is compared; None for what is neither.

    `own`: the account's number. Spreadsheets write numbers as `5,49E+12`: their digits are lost, so such a cell is
    refused.
    """
    text = given.strip().lstrip("'").removesuffix(".0")
    try:
        jid = parse_recipient(text, own)
        if own and not text.startswith(("+", "00")) and "@" not in text and lacks_country(jid.user, own):
            jid = parse_recipient(f"0{jid.user}", own)
    except CodedError:
        return None
    if jid.is_lid:
        return str(jid.canonical), str(jid.canonical)
    return (jid.user, canonical(jid.user)) if jid.is_user else None
