"""The files of messages, composed: where they are kept, and how those of commands are prepared."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.contract.errors import StartError
from bridge.core.outgoing_files import OutgoingFiles
from bridge.ops.voice_conversion import FfmpegVoice
from bridge.ports import MediaStore, MediaUnusable
from bridge.settings import BridgeSettings
from bridge.store.media_files import MediaFiles
from bridge.webhooks.file_fetcher import FileFetcher


@dataclass(frozen=True, slots=True)
class BridgeMedia:
    """What all sessions of a bridge share."""

    store: MediaStore
    outgoing: OutgoingFiles


def open_media(settings: BridgeSettings, own_port: int | None) -> BridgeMedia:
    """`own_port` is that of the HTTP side, from which nothing is fetched. Raises `StartError`."""
    try:
        store = MediaFiles(settings.data_dir / "media")
    except MediaUnusable as error:
        raise StartError(error.text) from error
    fetcher = FileFetcher(settings.media_hosts, own_port=own_port)
    return BridgeMedia(store, OutgoingFiles(store, fetcher, FfmpegVoice(), limit=settings.media_limit))
