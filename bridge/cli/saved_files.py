"""Saves files of messages in a folder, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    import httpx

#: Characters of a name that stay: names come from strangers, and a file must not leave the folder or hide in it.
_UNSAFE = re.compile(r"[^\w .,()@+-]+")
_NAME_LENGTH = 100


class FileNotSaved(CodedError):
    """A file could not be downloaded or written; the sentence says why."""

    code = "file_not_saved"


def file_name(sha256: str, filename: str | None, mimetype: str | None) -> str:
    """A name that is safe, and the same for the same file: digits of its hash, and the sender's name for it."""
    known = _UNSAFE.sub("_", Path(filename or "").name).strip(" .")[-_NAME_LENGTH:]
    if known:
        return f"{sha256[:12]}-{known}"
    return f"{sha256[:12]}{mimetypes.guess_extension((mimetype or '').partition(';')[0]) or ''}"


async def save(client: httpx.AsyncClient, url: str, target: Path, sha256: str) -> None:
    """Download a file to `target`. Raises `FileNotSaved`; then nothing is left."""
    import httpx

    part = target.with_name(f".{uuid4().hex}.part")
    digest = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        async with client.stream("GET", url) as response:
            if not response.is_success:
                raise FileNotSaved(f"The bridge answered {response.status_code} for {target.name}.")
            with part.open("wb") as file:
                async for piece in response.aiter_bytes():
                    digest.update(piece)
                    file.write(piece)
        if digest.hexdigest() != sha256:
            raise FileNotSaved(f"{target.name} did not arrive whole.")
        part.replace(target)
    except (OSError, httpx.TransportError) as error:
        raise FileNotSaved(f"{target} was not saved: {error}") from error
    finally:
        part.unlink(missing_ok=True)
