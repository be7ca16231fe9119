"""The files of a session's messages in a backup: `media/<first two digits>/<sha256>`, only where they are asked for."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from bridge.ops.backup.archive import BadBackup, Manifest
from bridge.ports import MediaStore
from bridge.store.media_references import references_of

FOLDER = "media"


async def copy_media(media: MediaStore, store: Path, staging: Path) -> None:
    """Copy what a session's store refers to. A file that was deleted meanwhile is left out."""
    for sha256 in sorted((await asyncio.to_thread(references_of, store)).all):
        target = staging / FOLDER / sha256[:2] / sha256
        try:
            async with media.on_disk(sha256) as path:
                await asyncio.to_thread(_copy, path, target)
        except FileNotFoundError:
            continue


async def restore_media(staging: Path, manifest: Manifest, media: MediaStore) -> int:
    """Store the files of an unpacked backup where they are missing; returns how many there are.

    Raises `BadBackup` for one that is not what its name says, and `MediaUnusable`.
    """
    names = [name for name in manifest.files if name.startswith(f"{FOLDER}/")]
    for name in names:
        if Path(name).name != manifest.files[name].sha256:
            raise BadBackup(f"{name} in the backup is another file than its name says.")
    for name in names:
        if await media.find(manifest.files[name].sha256) is None:
            await media.adopt(staging / name)
    return len(names)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target)  # it is never changed
    except OSError:  # another file system
        shutil.copyfile(source, target)
