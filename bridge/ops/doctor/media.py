"""Files of messages: the program that makes voice messages, and the storage in a bucket."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.contract.errors import StartError
from bridge.contract.findings import Finding, fault, ok, warning
from bridge.contract.s3_location import S3Location
from bridge.ports import MediaUnusable
from bridge.store.media_s3 import S3Media

#: What is stored for a moment.
_PROBE = b"wa doctor\n"


def voice(program: str = "ffmpeg") -> Finding:
    """Whether audio of other formats can become a voice message."""
    if (path := shutil.which(program)) is not None:
        return ok("voice messages", f"Audio of any format becomes a voice message ({path}).")
    return warning(
        "voice messages",
        "ffmpeg is not installed: `voice` takes Ogg/Opus files only.",
        "Install it on the bridge's machine: apt install ffmpeg.",
    )


async def bucket(location: S3Location, key: str | None) -> Finding:
    """Whether a file can be stored in the bucket, read and deleted."""
    check = "media storage"
    with TemporaryDirectory(prefix="wa-doctor-") as folder:
        try:
            store = S3Media(location, Path(folder), key=key, retries=0)
            stored = await store.add(_one(_PROBE), len(_PROBE))
            read = b"".join([part async for part in store.read(stored.sha256)])
            await store.delete(stored.sha256)
        except StartError as error:
            return fault(check, error.text, "Install the extra `s3`, or unset WA_MEDIA_STORE.")
        except (MediaUnusable, FileNotFoundError) as error:
            advice = "Check WA_MEDIA_STORE and WA_MEDIA_STORE_KEY: the key must read, write and delete there."
            return fault(check, f"{location} cannot be used: {error}", advice)
    if read != _PROBE:
        return fault(check, f"{location} returns other bytes than were stored.", "Use another storage.")
    return ok(check, f"{location} stores, returns and deletes a file.")


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
