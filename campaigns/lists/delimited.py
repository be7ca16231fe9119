"""CSV: any delimiter, UTF-8 with or without a byte order mark, UTF-16, or Latin-1 as Excel writes it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from campaigns.errors import UnusableFile

#: Bytes that decide the encoding and the delimiter.
_SAMPLE = 256 * 1024
_DELIMITERS = ",;\t|"
#: Characters of one cell; a quote that is never closed would otherwise make the rest of the file one cell.
LONGEST_CELL = 70_000
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def delimited_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line that each begins on, without empty ones. Raises `UnusableFile`."""
    csv.field_size_limit(LONGEST_CELL)
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(_SAMPLE // 4)
        if "\0" in sample:
            raise UnusableFile(
                "The file is neither CSV nor XLSX: save it from the spreadsheet as one of them.", detail="not_a_list"
            )
        file.seek(0)
        reader = csv.reader(file, delimiter=_delimiter(sample), strict=True)
        line = 1
        try:
            for row in reader:
                begins, line = line, reader.line_num + 1
                if any(cell.strip() for cell in row):
                    yield begins, row
        except csv.Error as error:
            raise UnusableFile(
                f"Line {line} cannot be read as CSV ({error}). A quote may be open: save the file again.",
                detail="broken_csv",
            ) from error
        except UnicodeDecodeError as error:
            raise UnusableFile(
                f"The file is not valid {encoding}: save it as CSV UTF-8.", detail="broken_csv"
            ) from error


def _encoding(path: Path) -> str:
    """By its mark; else UTF-8 if the whole file is, else Windows' Latin-1."""
    with path.open("rb") as file:
        head = file.read(4)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while part := file.read(_SAMPLE):
                decoder.decode(part)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252" if _is_windows(path) else "latin-1"
    return "utf-8"


def _is_windows(path: Path) -> bool:
    undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    with path.open("rb") as file:
        while part := file.read(_SAMPLE):
            if undefined & set(part):
                return False
    return True


def _delimiter(sample: str) -> str:
    """The one that splits the first lines into the same number of cells, two at least; one column needs none."""
    lines = sample.splitlines()
    if lines and lines[0].casefold().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4]

    def quality(delimiter: str) -> tuple[int, int]:
        try:
            rows = [row for row in islice(csv.reader(lines, delimiter=delimiter), 50) if any(row)]
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)

    return max(_DELIMITERS, key=quality)
