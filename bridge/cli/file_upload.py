"""Files of `wa send`: small ones go in the command itself, others are uploaded to the bridge over HTTP first."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.cli.bar import transferred
from bridge.contract.errors import CodedError, InvalidRequest
from bridge.contract.kinds import MAX_INLINE

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

#: Bytes written at a time, and how often an upload that breaks goes on.
PART, TRIES = 1 << 18, 5


async def fields_of(path: Path) -> dict[str, Any]:
    """The fields of a command's content that name this file. Raises `InvalidRequest`, `NoFacade`, `FacadeRefused`."""
    try:
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        if size > MAX_INLINE:
            return {"sha256": await _uploaded(path, size), "filename": path.name}
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror or error}.") from error
    return {"data": base64.b64encode(content).decode(), "filename": path.name}


async def upload(path: Path) -> str:
    """Bring a file of a service to the bridge, without a bar; returns its SHA-256.

    Raises `NoFacade`, `FacadeRefused`, OSError.
    """
    from bridge.cli.facade import facade
    from bridge.settings import load

    sha256 = await asyncio.to_thread(_digest, path)
    async with facade(load(), scope="send", beside=True) as client:
        await _upload(client, path, sha256, lambda _: None)
    return sha256


async def _uploaded(path: Path, size: int) -> str:
    from bridge.cli.facade import NoFacade, facade
    from bridge.settings import load

    sha256 = await asyncio.to_thread(_digest, path)
    try:
        async with facade(load(), scope="send") as client:
            with transferred(path.name, size) as show:
                await _upload(client, path, sha256, show)
    except NoFacade as error:
        raise NoFacade(
            f"{path.name} has {size:,} bytes. Above {MAX_INLINE:,} a file is uploaded over HTTP before the command goes"
            f" over MQTT. {error.text} Or send it by a URL."
        ) from error
    return sha256


async def _upload(client: FacadeClient, path: Path, sha256: str, show: Callable[[int], None]) -> None:
    for left in reversed(range(TRIES)):
        known = await client.request("GET", f"/v1/media/{sha256}/upload")
        show(known["offset"])
        if known["file"] is not None:
            return
        try:
            await client.upload(sha256, known["offset"], _parts(path, known["offset"], show))
            return
        except CodedError as error:
            if not left or not error.transient:
                raise
            await asyncio.sleep(1)


async def _parts(path: Path, offset: int, show: Callable[[int], None]) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        sent = file.seek(offset)
        while part := await asyncio.to_thread(file.read, PART):
            yield part
            sent += len(part)
            show(sent)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
