"""One XML part of a workbook, read piece by piece: memory does not grow with it, and it cannot name other files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from campaigns.errors import FileTooLarge, UnusableFile

#: Bytes of all parts together, unpacked: a small archive may hold much.
LARGEST_UNPACKED = 300_000_000
_PIECE = 1 << 16
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, NotImplementedError, RuntimeError),
    *(LookupError, ValueError, OSError),
)

Attributes = dict[str, str]


def unusable(error: Exception) -> UnusableFile:
    """The refusal of a workbook that is broken, locked, or none."""
    return UnusableFile(
        f"The spreadsheet cannot be read ({type(error).__name__}: {error}). Save it again as XLSX without a password,"
        " or as CSV.",
        detail="not_a_list",
    )


class WorkbookPart:
    """The callbacks get names without their prefix. `read` yields after each piece, so that results can be taken."""

    def __init__(
        self,
        begins: Callable[[str, Attributes], Any],
        ends: Callable[[str], Any] | None = None,
        text: Callable[[str], Any] | None = None,
    ) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = lambda name, found: begins(name.rpartition(":")[2], found)
        if ends is not None:
            self._parser.EndElementHandler = lambda name: ends(name.rpartition(":")[2])
        if text is not None:
            self._parser.CharacterDataHandler = text
        self._parser.EntityDeclHandler = _refuse_entities

    def read(self, archive: zipfile.ZipFile, name: str) -> Iterator[None]:
        """Parse a part of the archive. Raises `UnusableFile`, `FileTooLarge`."""
        unpacked = 0
        try:
            with archive.open(name) as part:
                while piece := part.read(_PIECE):
                    unpacked += len(piece)
                    if unpacked > LARGEST_UNPACKED:  # the directory of the archive may say less than there is
                        raise too_much()
                    self._parser.Parse(piece)
                    yield
                self._parser.Parse(b"", True)
                yield
        except _UNREADABLE as error:
            raise unusable(error) from error


def too_much() -> FileTooLarge:
    """The refusal of a workbook that unpacks to too much."""
    return FileTooLarge(
        f"The spreadsheet unpacks to more than {LARGEST_UNPACKED // 1_000_000} MB.", detail="large_file"
    )


def _refuse_entities(*_: Any) -> None:
    raise ValueError("it declares entities")
