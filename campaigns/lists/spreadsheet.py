"""XLSX: the first sheet with rows. Cells are values; a formula is its stored result and is never evaluated."""

from __future__ import annotations

import csv
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from bridge.contract.campaigns import MOST_ROWS
from campaigns.errors import FileTooLarge, UnusableFile

#: Bytes of all parts together, unpacked: a small archive may hold much.
LARGEST_UNPACKED = 300_000_000
MOST_COLUMNS = 200
#: Bytes of address space of the process that reads a workbook.
LARGEST_MEMORY = 2_000_000_000
_CELL = re.compile(rb'<c [^>]*?r="([A-Z]{1,3})(\d{1,7})"')
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_PART = 1 << 20
#: Bytes that a cell's tag may have: what is carried over from one part of a sheet to the next.
_OVERLAP = 256


def is_spreadsheet(path: Path) -> bool:
    """Whether the file is a ZIP archive, as XLSX is."""
    return zipfile.is_zipfile(path)


def spreadsheet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows with their line, without empty ones. Raises `UnusableFile`, `FileTooLarge`.

    The library holds the whole sheet, 45 MB for 100,000 rows: a process of its own reads it, which ends with it.
    """
    _check_size(path)
    command = [sys.executable, "-m", __spec__.name, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as reader:
        assert reader.stdout is not None  # noqa: S101 - requested above
        assert reader.stderr is not None  # noqa: S101 - requested above
        try:
            for line, *cells in csv.reader(reader.stdout):
                yield int(line), cells
            reason = reader.stderr.read().strip().rpartition("\n")[2][:200]
        finally:
            reader.kill()
    if reason:
        raise UnusableFile(
            f"The spreadsheet cannot be read ({reason}). Save it again as XLSX, or as CSV.", detail="not_a_list"
        )


def _read(path: Path) -> Iterator[tuple[int, list[str]]]:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(path) as book:
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height == 0:
                continue
            for line, row in enumerate(sheet.iter_rows(), start=(sheet.start or (0, 0))[0] + 1):
                cells = [_text(cell) for cell in row]
                if any(cells):
                    yield line, cells
            return


def _check_size(path: Path) -> None:
    """Refuse an archive that unpacks to too much, and a sheet whose far corner would need too much memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST_UNPACKED:
                raise FileTooLarge(f"The spreadsheet unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB.")
            if "xl/workbook.xml" not in archive.namelist():
                raise UnusableFile(
                    "The file is neither CSV nor XLSX: save it from the spreadsheet as one of them.",
                    detail="not_a_list",
                )
            for part in archive.infolist():
                if _SHEET.fullmatch(part.filename):
                    _check_sheet(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnusableFile(
            f"The spreadsheet cannot be opened ({error}). Save it without a password.", detail="not_a_list"
        ) from error


def _check_sheet(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    unpacked, rest = 0, b""
    with archive.open(part) as sheet:
        while chunk := sheet.read(_PART):
            unpacked += len(chunk)
            if unpacked > LARGEST_UNPACKED:  # the directory of the archive may say less than there is
                raise FileTooLarge(f"The spreadsheet unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB.")
            for column, row in _CELL.findall(rest + chunk):
                if int(row) > MOST_ROWS + 1:
                    raise FileTooLarge(
                        f"The sheet has more than {MOST_ROWS:,} rows: divide the list.", detail="too_many_rows"
                    )
                if _column(column) > MOST_COLUMNS:
                    raise UnusableFile(f"The sheet has more than {MOST_COLUMNS} columns: delete the empty ones.")
            rest = chunk[-_OVERLAP:]


def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number


def _text(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "sí" if cell else "no"
        case float() if cell.is_integer():
            return str(int(cell))  # a phone number
        case datetime() if cell.time() == time():
            return cell.strftime("%d/%m/%Y")
        case datetime():
            return cell.strftime("%d/%m/%Y %H:%M")
        case date():
            return cell.strftime("%d/%m/%Y")
        case time() | timedelta():
            return str(cell)[:5]
        case _:
            return str(cell).strip()


def _main() -> None:
    """Write the rows of a workbook to standard output, or the reason why that is impossible to standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
    writer = csv.writer(sys.stdout)
    try:
        for line, cells in _read(Path(sys.argv[1])):
            writer.writerow([line, *cells])
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file of a stranger
        sys.stderr.write(f"{type(error).__name__}: {error}\n")


if __name__ == "__main__":
    _main()
