"""Opens an uploaded file as contacts, whichever of the formats it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from campaigns.errors import UnusableFile
from campaigns.lists.contacts import Columns, ListedContact, WrongRow, contacts_of
from campaigns.lists.delimited import delimited_rows
from campaigns.lists.spreadsheet import is_spreadsheet, spreadsheet_rows

#: The first bytes of an Excel file from before 2007.
_OLD_EXCEL = bytes.fromhex("d0cf11e0a1b11ae1")


def read_contacts(path: Path, own: str | None = None) -> Iterator[Columns | ListedContact | WrongRow]:
    """The columns of a file, then its rows, one at a time. Blocks. Raises `UnusableFile`, `FileTooLarge`."""
    with path.open("rb") as file:
        head = file.read(8)
    if head == _OLD_EXCEL:
        raise UnusableFile(
            "The file is an old or a locked Excel file: save it as XLSX without a password, or as CSV.",
            detail="old_excel",
        )
    rows = spreadsheet_rows(path) if is_spreadsheet(path) else delimited_rows(path)
    yield from contacts_of(rows, own)
