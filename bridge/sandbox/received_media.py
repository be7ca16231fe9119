"""The service's server for the files of received messages: encrypted as WhatsApp does it, under a path of their own.

A sender's phone makes a random media key; cipher and MAC keys follow from it (HKDF), the MAC is the last ten bytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7
from starlette.responses import FileResponse, Response, StreamingResponse

from bridge.sandbox.media import FALLBACK
from bridge.sandbox.records import DownloadMode, SandboxSettings

#: Paths of a file as its sender uploaded it, and as the account's phone uploads it again.
FIRST, AGAIN = "/mms/first/", "/mms/again/"
#: The largest file that a contact sends, in bytes.
LARGEST = 100 * 2**20
_NAME = re.compile("[0-9a-f]{64}")
_PURPOSE = {"image": "Image", "sticker": "Image", "video": "Video", "ptv": "Video", "audio": "Audio", "ptt": "Audio"}
_MAC = 10
_PART = 64 * 1024


class ReceivedFiles:
    """Encrypted files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes, kind: str) -> dict[str, Any]:
        """Encrypt and store a file; returns the fields of its message. `kind` is WhatsApp's type of the message."""
        key = os.urandom(32)
        encrypted = encrypt(content, key, kind)
        name = hashlib.sha256(encrypted).hexdigest()
        (self._folder / name).write_bytes(encrypted)
        return {
            "size": len(content),
            "filehash": _base64(hashlib.sha256(content).digest()),
            "encFilehash": _base64(bytes.fromhex(name)),
            "mediaKey": _base64(key),
            "directPath": f"{FIRST}{name}",
        }

    async def answer(self, path: str, settings: SandboxSettings) -> Response:
        """What a server answers to a page that downloads the file at `path`."""
        if settings.file_server_down and not path.startswith(FALLBACK):
            return Response(status_code=503)
        path = path.removeprefix(FALLBACK)
        name = path.rpartition("/")[2]
        file = self._folder / name
        mode = settings.downloads if path.startswith(FIRST) else DownloadMode.NORMAL
        if not _NAME.fullmatch(name) or not file.is_file() or mode is DownloadMode.GONE:
            return Response(status_code=404)
        match mode:
            case DownloadMode.EXPIRED:
                return Response(status_code=410)
            case DownloadMode.UNAVAILABLE:
                return Response(status_code=503)
            case DownloadMode.CORRUPT:
                content = bytearray(await asyncio.to_thread(file.read_bytes))
                content[len(content) // 2] ^= 1
                return Response(bytes(content))
            case DownloadMode.SLOW:
                return StreamingResponse(_slowly(file, settings.download_ms / 1000))
        return FileResponse(file)

    def content(self, fields: dict[str, Any], kind: str) -> bytes | None:
        """The file of a message, decrypted; None if it is not here."""
        file = self._folder / str(fields.get("directPath")).rpartition("/")[2]
        if "mediaKey" not in fields or not _NAME.fullmatch(file.name) or not file.is_file():
            return None
        iv, cipher_key, _ = _keys(base64.b64decode(fields["mediaKey"]), kind)
        decryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(file.read_bytes()[:-_MAC]) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()

    @staticmethod
    def again(fields: dict[str, Any]) -> str:
        """The path under which the phone uploads the file of a message again."""
        return AGAIN + str(fields["directPath"]).rpartition("/")[2]


def encrypt(content: bytes, key: bytes, kind: str) -> bytes:
    """A file as WhatsApp's servers have it."""
    iv, cipher_key, mac_key = _keys(key, kind)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).encryptor()
    encrypted = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    return encrypted + hmac.new(mac_key, iv + encrypted, hashlib.sha256).digest()[:_MAC]


def _keys(key: bytes, kind: str) -> tuple[bytes, bytes, bytes]:
    """Initialization vector, cipher key and MAC key of a media key."""
    purpose = f"WhatsApp {_PURPOSE.get(kind, 'Document')} Keys".encode()
    expanded = HKDF(SHA256(), 112, None, purpose).derive(key)
    return expanded[:16], expanded[16:48], expanded[48:80]


async def _slowly(file: Path, seconds: float) -> AsyncIterator[bytes]:
    content = await asyncio.to_thread(file.read_bytes)
    parts = [content[start : start + _PART] for start in range(0, len(content), _PART)]
    for part in parts:
        await asyncio.sleep(seconds / len(parts))
        yield part


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
