"""The base class of the kinds that send a file. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from bridge.contract.errors import InvalidRequest, MediaUnsupported, TooLarge
from bridge.contract.file_types import type_of
from bridge.contract.kinds.content import Content
from bridge.contract.kinds.text import MAX_TEXT
from bridge.contract.payload import CleanText, StrictPayload

#: Bytes of a file that a command itself may have.
MAX_INLINE = 256 * 1024
MAX_URL = 2048
_BLANKS = re.compile(r"\s+")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


def _check_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    return url


def _check_name(name: str) -> str:
    if _NOT_IN_A_NAME.search(name) or name.strip(". ") == "":
        raise ValueError("is a name without folders")
    return name


Caption = Annotated[CleanText, Field(min_length=1, max_length=MAX_TEXT)]
#: On or absent, so that both ways to say "off" are the same command.
Flag = Annotated[bool | None, AfterValidator(lambda on: on or None)]


class MediaContent(StrictPayload, Content):
    """A file: exactly one of `url` (the bridge fetches it), `data` (base64) and `sha256` (of a file it has)."""

    metavar: ClassVar = "FILE|URL"
    file_options: ClassVar[tuple[str, ...]] = ("mimetype", "filename")
    #: Beginnings of the types that it may have, decided by the file's bytes; none: any.
    families: ClassVar[tuple[str, ...]] = ()
    #: Types that a container of another name, as Ogg and MP4, may have as this kind.
    containers: ClassVar[tuple[str, ...]] = ()
    icon: ClassVar[str] = ""
    #: Bytes of the largest file, where it is less than `WA_MEDIA_LIMIT` may be.
    max_size: ClassVar[int | None] = None
    modifiers: ClassVar[frozenset[str]] = frozenset({"reply_to", "mentions", "typing"})

    url: Annotated[CleanText, Field(max_length=MAX_URL), AfterValidator(_check_url)] | None = Field(
        default=None, description="where the bridge fetches it"
    )
    data: str | None = Field(default=None, description="its bytes in base64, up to 256 KiB of them")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of a file that was uploaded or sent before, 64 hexadecimal digits"
    )
    mimetype: Annotated[CleanText, Field(max_length=200, pattern=r"^[\w.+-]+/[\w.+-]+ *(;.*)?$")] | None = Field(
        default=None, description="its type; by default what its bytes show"
    )
    filename: Annotated[CleanText, Field(min_length=1, max_length=255), AfterValidator(_check_name)] | None = Field(
        default=None, description="its name; by default that of the URL"
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [name for name in ("url", "data", "sha256") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"has exactly one of url, data and sha256, not {' and '.join(given) or 'none'}")
        return self

    @override
    def check(self) -> None:
        """Raises `InvalidRequest` for `data` that is not base64 or empty, `TooLarge` above `MAX_INLINE` bytes."""
        if self.data is None:
            return
        if len(content := self.decoded()) > MAX_INLINE:
            raise TooLarge(
                f"data has {len(content):,} bytes; {MAX_INLINE:,} are allowed."
                " Upload the file (POST /v1/media) and send its sha256, or send its url."
            )
        if not content:
            raise InvalidRequest("The file is empty.")

    def decoded(self) -> bytes:
        """The bytes of `data`. Raises `InvalidRequest`."""
        try:
            return base64.b64decode(_BLANKS.sub("", self.data or ""), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest("data is not base64.") from error

    @property
    @override
    def identity(self) -> list[Any]:
        """The bytes count, however they come; a URL counts as such."""
        fields = self.value
        if (data := fields.pop("data", None)) is not None:
            fields["sha256"] = hashlib.sha256(base64.b64decode(_BLANKS.sub("", data))).hexdigest()
        return [self.kind, fields]

    @property
    @override
    def summary(self) -> str:
        title = getattr(self, "caption", None) or self.filename or (self.url and _name_of(self.url))
        return f"{self.icon} {title or f'[{self.kind}]'}".strip()

    def stored(self, sha256: str, mimetype: str | None = None, filename: str | None = None) -> Self:
        """The same, of a file that the bridge has."""
        return self.model_copy(
            update={
                "url": None,
                "data": None,
                "sha256": sha256,
                "mimetype": mimetype or self.mimetype,
                "filename": self.filename or filename or (self.url and _name_of(self.url)) or None,
            }
        )

    def named(self, extension: str) -> Self:
        """The same with a name, made of its kind and `extension` if it has none."""
        return self if self.filename else self.model_copy(update={"filename": f"{self.kind}{extension}"})

    def type_of(self, head: bytes, declared: str | None) -> str:
        """The type of a file by its first bytes. Raises `MediaUnsupported` if it cannot be sent as this kind."""
        found = [type_of(head, said) for said in (declared, *self.containers)]
        mimetype = next((one for one in found if one.startswith(self.families)), None) if self.families else found[0]
        if mimetype is None:
            mimetype = found[0]
            raise MediaUnsupported(
                f"By its bytes the file is {mimetype}, which cannot be sent as {self.field}; send it as document."
            )
        return mimetype

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.file_options = tuple(name for name in cls.model_fields if name not in ("url", "data", "sha256"))

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        """A URL; a file is read by the command line."""
        if not text.startswith(("http://", "https://")):
            raise ValueError("not a URL")
        return {"url": text}


def _name_of(url: str) -> str | None:
    name = unquote(urlsplit(url).path.rpartition("/")[2])[:255]
    return name if name.strip(". ") and not _NOT_IN_A_NAME.search(name) else None
