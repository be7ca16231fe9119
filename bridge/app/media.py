"""The files of messages in a bridge: where they are, how links to them are signed, and when they are deleted."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from bridge.app.host import SessionHost
from bridge.app.limits import BridgeLimits
from bridge.contract.errors import CodedError, StartError
from bridge.core.media_links import MediaLinks
from bridge.core.outgoing_files import OutgoingFiles
from bridge.core.shared_media import SharedMedia
from bridge.ops.private_broker.address_file import write_private
from bridge.ops.voice_conversion import FfmpegVoice
from bridge.ports import Clock, MediaStore, MediaUnusable
from bridge.settings import BridgeSettings
from bridge.store.media_files import MediaFiles
from bridge.store.media_references import references
from bridge.store.media_s3 import S3Media
from bridge.store.uploads import remove_waiting
from bridge.webhooks.file_fetcher import FileFetcher

_log = logging.getLogger(__name__)
#: In the data directory: the folders of the files and of unfinished uploads, and the secret that signs links.
FOLDER, UPLOADS, SECRET = "media", "uploads", "media.key"


def shared_media(settings: BridgeSettings, http: socket.socket | None) -> SharedMedia:
    """The files of the bridge with these settings. Raises `StartError` for a folder that cannot be used."""
    try:
        store = media_store(settings)
        secret = _secret(settings.data_dir / SECRET)
    except (MediaUnusable, OSError) as error:
        raise StartError(f"Files of messages cannot be stored in {settings.data_dir / FOLDER}: {error}") from error

    async def is_used(sha256: str) -> bool:
        return sha256 in await asyncio.to_thread(references, settings.data_dir / "sessions")

    return SharedMedia(store, settings.media_policy, MediaLinks(_base_url(settings, http), secret), is_used)


def media_store(settings: BridgeSettings, *, beside_a_bridge: bool = False) -> MediaStore:
    """Where files are kept. Raises `MediaUnusable`, `StartError`."""
    folder = settings.data_dir / FOLDER
    if settings.media_store is None:
        return MediaFiles(folder, beside_a_bridge=beside_a_bridge)
    return S3Media(
        settings.media_store,
        folder,
        beside_a_bridge=beside_a_bridge,
        key=settings.media_store_key.get_secret_value() if settings.media_store_key else None,
    )


def outgoing_files(settings: BridgeSettings, media: SharedMedia, http: socket.socket | None) -> OutgoingFiles:
    """The files of commands. Nothing is fetched from the bridge's own HTTP side."""
    fetcher = FileFetcher(settings.media_hosts, own_port=http.getsockname()[1] if http else None)
    return OutgoingFiles(media.store, fetcher, FfmpegVoice(), limit=settings.media_limit)


async def keep_retention(
    settings: BridgeSettings, hosts: Sequence[SessionHost], media: SharedMedia, clock: Clock, limits: BridgeLimits
) -> None:
    """Delete files, and uploads that do not go on, at intervals, until cancelled."""
    while True:
        await asyncio.sleep(limits.media_retention)
        try:
            await asyncio.to_thread(remove_waiting, settings.data_dir / UPLOADS)
            deleted = await delete_files(settings, hosts, media, clock.now(), limits)
        except CodedError as error:
            _log.warning("Files of messages were not deleted: %s", error.text)
        except Exception:  # noqa: BLE001 - a file that stays is no reason to end the bridge
            _log.exception("Files of messages were not deleted")
        else:
            _log.debug("%d files of messages were deleted", deleted)


async def delete_files(
    settings: BridgeSettings, hosts: Sequence[SessionHost], media: SharedMedia, now: float, limits: BridgeLimits
) -> int:
    """Delete what nothing refers to, and what is too old or too much; returns how many files. `now` is unix seconds.

    A file that an open command sends stays, and so does one of a session whose store is not open here, since no event
    could report it. Raises `StoreUnusable`, `MediaUnusable`.
    """
    kept, day = settings.media_retention, limits.day
    running = {host.name: host.downloads for host in hosts if host.downloads is not None}
    deleted = 0
    async with media.storing.delete():
        files = sorted([file async for file in media.store.all()], key=lambda file: file.stored_at)
        known = await asyncio.to_thread(references, settings.data_dir / "sessions")
        held = sum(file.size for file in files)
        for file in files:
            users = known.users(file.sha256)
            if users or file.sha256 in known.commands:
                if file.stored_at >= now - kept.days * day and held <= kept.size:
                    continue
                if file.sha256 in known.open_commands or not users <= running.keys():
                    continue
                for user in sorted(users):
                    await running[user].expire(file.sha256)
            elif file.stored_at >= now - limits.media_grace:
                continue
            await media.store.delete(file.sha256)
            held -= file.size
            deleted += 1
    return deleted


def _secret(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        write_private(path, secrets.token_hex(32))
        return path.read_bytes()


def _base_url(settings: BridgeSettings, http: socket.socket | None) -> str | None:
    if http is None:
        return None
    if settings.public_url is not None:
        return settings.public_url
    host, port = http.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
