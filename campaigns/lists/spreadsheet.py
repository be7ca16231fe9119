"""XLSX: the first sheet with rows. Cells are values; a formula is its stored result and is never evaluated.

It is read piece by piece: libraries for it hold the whole sheet, or all its texts.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from campaigns.errors import UnusableFile
from campaigns.lists.cell_values import date_text, iso_date_text, number_text, shows_date
from campaigns.lists.delimited import LONGEST_CELL
from campaigns.lists.workbook_part import LARGEST_UNPACKED, Attributes, WorkbookPart, too_much, unusable

MOST_COLUMNS = 200
#: Different texts of a workbook; each takes four bytes of memory.
MOST_TEXTS = 4_000_000
_WORKBOOK = "xl/workbook.xml"


def is_spreadsheet(path: Path) -> bool:
    """Whether the file is a ZIP archive, as XLSX is."""
    return zipfile.is_zipfile(path)


def spreadsheet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows with their line, without empty ones. Raises `UnusableFile`, `FileTooLarge`."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise unusable(error) from error
    with archive, tempfile.TemporaryFile(dir=path.parent, buffering=0) as file:
        if sum(part.file_size for part in archive.infolist()) > LARGEST_UNPACKED:
            raise too_much()
        if _WORKBOOK not in archive.namelist():
            raise UnusableFile(
                "The file is neither CSV nor XLSX: save it from the spreadsheet as one of them.", detail="not_a_list"
            )
        book = _Workbook.of(archive)
        texts = _SharedTexts(file.fileno())
        if book.texts is not None:
            texts.load(archive, book.texts)
        dates = _date_styles(archive, book.styles) if book.styles is not None else []
        for name in book.sheets:
            rows = _Sheet(texts, dates, since_1904=book.since_1904).rows(archive, name)
            if (first := next(rows, None)) is not None:
                yield first
                yield from rows
                return


class _Workbook:
    """The names of the parts that matter."""

    def __init__(self) -> None:
        self.since_1904 = False
        self.sheets: list[str] = []
        self.texts: str | None = None
        self.styles: str | None = None
        self._sheet_ids: list[str] = []
        self._targets: dict[str, str] = {}

    @classmethod
    def of(cls, archive: zipfile.ZipFile) -> Self:
        book = cls()
        for part in ("xl/_rels/workbook.xml.rels", _WORKBOOK):
            for _ in WorkbookPart(book._begins).read(archive, part):
                pass
        book.sheets = [book._targets[one] for one in book._sheet_ids if one in book._targets]
        return book

    def _begins(self, name: str, found: Attributes) -> None:
        match name:
            case "Relationship":
                target = posixpath.normpath(posixpath.join("/xl", found.get("Target", ""))).lstrip("/")
                match found.get("Type", "").rpartition("/")[2]:
                    case "worksheet":
                        self._targets[found.get("Id", "")] = target
                    case "sharedStrings":
                        self.texts = target
                    case "styles":
                        self.styles = target
            case "workbookPr":
                self.since_1904 = found.get("date1904") in ("1", "true")
            case "sheet":
                self._sheet_ids += [value for key, value in found.items() if key.rpartition(":")[2] == "id"]


def _date_styles(archive: zipfile.ZipFile, part: str) -> list[bool]:
    """For each style of cells whether it shows a date."""
    custom: dict[int, str] = {}
    dates: list[bool] = []
    in_cells = False

    def begins(name: str, found: Attributes) -> None:
        nonlocal in_cells
        match name:
            case "numFmt":
                custom[int(found["numFmtId"])] = found.get("formatCode", "")
            case "cellXfs" | "cellStyleXfs":
                in_cells = name == "cellXfs"
            case "xf" if in_cells:
                dates.append(shows_date(int(found.get("numFmtId", "0")), custom))

    for _ in WorkbookPart(begins).read(archive, part):
        pass
    return dates


class _Text:
    """Collects the text of one cell or one shared text: of `<t>`, without the reading aids of `<rPh>`."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._aid = False
        self.is_open = False

    def begins(self, name: str) -> None:
        self._aid = self._aid or name == "rPh"
        self.is_open = name in ("t", "v") and not self._aid

    def ends(self, name: str) -> None:
        self._aid = self._aid and name != "rPh"
        self.is_open = False

    def add(self, text: str) -> None:
        if not self.is_open:
            return
        self._length += len(text)
        if self._length > LONGEST_CELL:
            raise ValueError(f"a cell has more than {LONGEST_CELL:,} characters")
        self._parts.append(text)

    def take(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        self._length = 0
        return text


class _SharedTexts:
    """The texts that cells share, in a file; only the place of each is in memory."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._ends = array("I", [0])
        self._text = _Text()
        self._unwritten: list[bytes] = []

    def load(self, archive: zipfile.ZipFile, part: str) -> None:
        for _ in WorkbookPart(lambda name, _: self._text.begins(name), self._ended, self._text.add).read(archive, part):
            os.write(self._file, b"".join(self._unwritten))
            self._unwritten.clear()

    def __getitem__(self, number: int) -> str:
        begin, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file, end - begin, begin).decode()

    def _ended(self, name: str) -> None:
        self._text.ends(name)
        if name == "si":
            if len(self._ends) > MOST_TEXTS:
                raise ValueError(f"it has more than {MOST_TEXTS:,} different texts")
            text = self._text.take().encode()
            self._unwritten.append(text)
            self._ends.append(self._ends[-1] + len(text))


class _Sheet:
    """The rows of one sheet."""

    def __init__(self, texts: _SharedTexts, dates: list[bool], *, since_1904: bool) -> None:
        self._texts = texts
        self._dates = dates
        self._since_1904 = since_1904
        self._rows: list[tuple[int, list[str]]] = []
        self._line = self._column = 0
        self._cells: list[str] = []
        self._kind, self._is_date = "n", False
        self._text = _Text()

    def rows(self, archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, list[str]]]:
        for _ in WorkbookPart(self._begins, self._ends, self._text.add).read(archive, part):
            yield from self._rows
            self._rows.clear()

    def _begins(self, name: str, found: Attributes) -> None:
        match name:
            case "row":
                self._line = int(found["r"]) if "r" in found else self._line + 1
                self._column, self._cells = 0, []
            case "c":
                self._column = _column(found["r"]) if "r" in found else self._column + 1
                if self._column > MOST_COLUMNS:
                    raise UnusableFile(
                        f"The sheet has more than {MOST_COLUMNS} columns: delete the empty ones.",
                        detail="too_many_columns",
                    )
                self._kind = found.get("t", "n")
                style = int(found.get("s", "0"))
                self._is_date = style < len(self._dates) and self._dates[style]
            case _:
                self._text.begins(name)

    def _ends(self, name: str) -> None:
        self._text.ends(name)
        if name == "c":
            value = self._value(self._text.take())
            if value and self._column > 0:
                self._cells += [""] * (self._column - len(self._cells))
                self._cells[self._column - 1] = value
        elif name == "row" and self._cells:
            self._rows.append((self._line, self._cells))

    def _value(self, written: str) -> str:
        match self._kind:
            case "s":
                return self._texts[int(written)].strip() if written else ""
            case "b":
                return {"1": "sí", "0": "no"}.get(written, "")
            case "e":
                return ""  # `#N/A` is no word for a person
            case "d":
                return iso_date_text(written)
            case "n" if self._is_date and written:
                return date_text(written, since_1904=self._since_1904)
            case "n" if written:
                return number_text(written)
            case _:
                return written.strip()


def _column(place: str) -> int:
    """The number of a column, from 1, of a place such as `AB12`."""
    number = 0
    for letter in place:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number
