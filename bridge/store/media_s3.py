"""Media in S3-compatible storage: `<prefix>/<first two digits>/<sha256>` in a bucket.

The name of a file is known once all its bytes have come: until then they are in a folder of this machine, and so is a
file while the page reads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from typing_extensions import override

from bridge.contract.errors import StartError
from bridge.contract.s3_location import S3Location
from bridge.ports import MediaStore, MediaUnusable, StoredMedia
from bridge.store.media_files import INCOMING, PART, check_sha256, digest_of, is_sha256, spooled

if TYPE_CHECKING:
    from obstore.store import S3Store


class S3Media(MediaStore):
    """A `MediaStore` in a bucket. `folder` is on this machine."""

    def __init__(
        self,
        location: S3Location,
        folder: Path,
        *,
        key: str | None = None,
        retries: int = 3,
        beside_a_bridge: bool = False,
    ) -> None:
        """`key` is `id:secret`; without it, the AWS variables of the environment and the machine's role count.
        `beside_a_bridge`: as `MediaFiles`.

        Raises `StartError`.
        """
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import S3Store
        except ImportError as error:
            raise StartError(
                "WA_MEDIA_STORE names S3 storage, which needs a package: pipx inject whatsapp-mqtt-bridge 'obstore<1',"
                " or pip install 'obstore<1' in its environment."
            ) from error
        self._api, self._error = obstore, BaseError
        self._location = location
        key_id, _, secret = (key or "").partition(":")
        given = {"endpoint": location.endpoint, "access_key_id": key_id, "secret_access_key": secret}
        self._bucket: S3Store = S3Store(
            location.bucket,
            region=location.region,
            prefix=location.prefix or None,
            client_options={
                "allow_http": (location.endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(minutes=5),
            },
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=20)},
            **{name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        )
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in () if beside_a_bridge else folder.glob(f"{INCOMING}*"):
            unfinished.unlink(missing_ok=True)

    @override
    async def add(self, parts: AsyncIterable[bytes], limit: int) -> StoredMedia:
        async with spooled(self._incoming(), parts, limit) as (path, sha256):
            return await self._put(path, sha256)

    @override
    async def adopt(self, path: Path) -> StoredMedia:
        stored = await self._put(path, await asyncio.to_thread(digest_of, path))
        await asyncio.to_thread(path.unlink)
        return stored

    @override
    async def find(self, sha256: str) -> StoredMedia | None:
        name = _name(sha256)
        try:
            with self._explained():
                found = await self._api.head_async(self._bucket, name)
        except FileNotFoundError:
            return None
        return StoredMedia(sha256, found["size"], found["last_modified"].timestamp())

    @override
    async def read(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        found = await self.find(sha256)
        if found is None:
            raise FileNotFoundError(sha256)
        end = found.size if end is None else min(end, found.size)
        if start >= end:
            return
        with self._explained():
            got = await self._api.get_async(self._bucket, _name(sha256), options={"range": (start, end)})
            async for part in got.stream(PART):
                yield bytes(part)

    @override
    @asynccontextmanager
    async def on_disk(self, sha256: str) -> AsyncIterator[Path]:
        async with spooled(self._incoming(), self.read(sha256), None) as (path, _):
            yield path

    @override
    async def delete(self, sha256: str) -> None:
        name = _name(sha256)
        with self._explained(), suppress(FileNotFoundError):
            await self._api.delete_async(self._bucket, name)

    @override
    async def all(self) -> AsyncIterator[StoredMedia]:
        with self._explained():
            async for page in self._api.list(self._bucket):
                for found in page:
                    sha256 = found["path"].rpartition("/")[2]
                    if not is_sha256(sha256) or found["path"] != _name(sha256):
                        continue  # it was put there by something else
                    yield StoredMedia(sha256, found["size"], found["last_modified"].timestamp())

    async def _put(self, path: Path, sha256: str) -> StoredMedia:
        try:
            with self._explained():
                await self._api.put_async(self._bucket, _name(sha256), path)
        except FileNotFoundError as error:
            raise MediaUnusable(f"Media cannot be kept in {self._location}: there is no such bucket.") from error
        stored = await self.find(sha256)
        if stored is None:
            raise MediaUnusable(f"{self._location} took a file and does not have it.")
        return stored

    def _incoming(self) -> Path:
        return self._folder / f"{INCOMING}{uuid4().hex}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:  # what obstore raises, too, for an object that is not there
            raise
        except (self._error, OSError) as error:
            why = " ".join(str(error).split())
            raise MediaUnusable(f"Media cannot be kept in {self._location}: {why[:200]}") from error


def _name(sha256: str) -> str:
    return f"{check_sha256(sha256)[:2]}/{sha256}"
