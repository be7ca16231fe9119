"""Answers of rules that are files: as a rules file writes them, checked by the contract and by the file's bytes."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.contract.errors import CodedError
from bridge.contract.file_types import HEAD
from bridge.contract.kinds import BY_FIELD, load_field
from bridge.contract.kinds.media_content import MediaContent

#: Bytes of a file, at most; the bridge may take less (WA_MEDIA_LIMIT).
LARGEST = 100_000_000
#: The folder beside a rules file whose files a text that comes from HTTP may name.
PUBLIC = "archivos"
#: The fields that an answer may have instead of a text.
FIELDS = tuple(name for name, kind in BY_FIELD.items() if issubclass(kind, MediaContent))


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """`content` names the file by `url` or `sha256`; `text` is what is recorded, and what must not be forbidden."""

    content: MediaContent

    @property
    def text(self) -> str:
        caption: str | None = getattr(self.content, "caption", None)
        return caption or f"[{self.content.kind}] {self.content.filename or self.content.url or ''}".strip()


@dataclass(slots=True)
class FileFolder:
    """The files beside a rules file. None as `folder`: only texts may be answered, for the reason `refused`.

    `known`: the text comes from HTTP, which must not send any file of this user. It may name these, and those in the
    folder `PUBLIC`.
    """

    folder: Path | None
    refused: str = ""
    known: frozenset[Path] | None = None
    #: Each file that an answer names, there or not.
    named: set[Path] = field(default_factory=set)
    #: The files by their SHA-256.
    paths: dict[str, Path] = field(default_factory=dict)

    def answer(self, value: Mapping[str, Any]) -> FileAnswer:
        """The answer that is written as `{image: {file: …, caption: …}}`. Raises ValueError with what is wrong."""
        if len(value) != 1 or not value.keys() <= set(FIELDS):
            raise ValueError(f"must be a text, or one of {', '.join(FIELDS)}")
        if self.folder is None:
            raise ValueError(self.refused)
        [(name, given)] = value.items()
        if not isinstance(given, dict):
            raise ValueError(  # noqa: TRY004 - pydantic reports ValueError
                f"{name} must be keys with values, such as file: carta.jpg"
            )
        fields = dict(given)
        if len({"file", "url", "sha256", "data"} & fields.keys()) != 1 or "data" in fields:
            raise ValueError(f"{name} has exactly one of file, url and sha256")
        head, file = b"", fields.pop("file", None)
        if file is not None:
            head, fields["sha256"] = self._read(self.folder / str(file))
            fields.setdefault("filename", Path(str(file)).name)
        try:
            content = load_field(name, fields)
            assert isinstance(content, MediaContent)  # noqa: S101 - one of `FIELDS`
            if head:
                guessed = mimetypes.guess_type(content.filename or "")[0]
                content.type_of(head, content.mimetype or guessed)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            place = ".".join(map(str, (name, *fault["loc"])))
            raise ValueError(f"{place}: {fault['msg'].removeprefix('Value error, ')}") from error
        except CodedError as error:
            raise ValueError(f"{name}: {error.text}") from error
        return FileAnswer(content)

    def _is_public(self, path: Path) -> bool:
        return self.folder is not None and path.resolve().is_relative_to((self.folder / PUBLIC).resolve())

    def _read(self, path: Path) -> tuple[bytes, str]:
        """The beginning of a file and its SHA-256."""
        if self.known is not None and path not in self.known and not self._is_public(path):
            raise ValueError(
                f"a rule that is changed here can only name files in the folder {PUBLIC}/ beside the rules"
            )
        self.named.add(path)
        try:
            size = path.stat().st_size
            if not 0 < size <= LARGEST:
                raise ValueError(f"the file {path} has {size:,} bytes; 1 to {LARGEST:,} are allowed")
            with path.open("rb") as file:
                head = file.read(HEAD)
            sha256 = sha256_of(path)
        except OSError as error:
            raise ValueError(f"the file {path} cannot be read: {error.strerror}") from error
        self.paths[sha256] = path
        return head, sha256


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits. Blocking; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


NO_FILES = FileFolder(None, "a file needs a rules file of your own: RESPONDER_RULES")
