"""A small separate disk for a bridge's data: an ext4 image that can be filled, or aborted as by a device error.

Mounting needs root; without root the faults that use it are skipped.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 256 * 2**20
_MOUNT, _UMOUNT, _MKFS = "/usr/bin/mount", "/usr/bin/umount", "/usr/sbin/mkfs.ext4"


class Disk:
    """An ext4 `image`, mounted at `path`."""

    def __init__(self, image: Path, path: Path) -> None:
        self._image, self._path = image, path
        self._filler = path / "filler"

    def mount(self) -> None:
        """Mount it writable; the file system replays its journal first."""
        _run(_MOUNT, "-o", "loop", str(self._image), str(self._path))

    def unmount(self, timeout: float = 20) -> None:
        """Wait until no process has files open. Raises CalledProcessError."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return _run(_UMOUNT, str(self._path))
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def sync(self) -> None:
        """Flush dirty pages to the disk."""
        _run("/usr/bin/sync", "-f", str(self._path))

    def fail(self) -> None:
        """Abort as after a device error: read-only at once, and unflushed data is lost."""
        _run(_MOUNT, "-o", "remount,abort", str(self._path))

    def fill(self) -> None:
        """Fill it to the last block."""
        with self._filler.open("ab") as file:
            for size in (2**20, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    def free(self) -> None:
        """Delete the filling."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def scratch_disk(path: Path, size: int = SIZE) -> Iterator[Disk]:
    """Mount a new disk of `size` bytes at `path`; unmounted and deleted at the end."""
    path.mkdir(parents=True, exist_ok=True)
    image = path.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(size)
    _run(_MKFS, "-q", "-m", "0", str(image))
    mounted = Disk(image, path)
    mounted.mount()
    try:
        yield mounted
    finally:
        try:
            mounted.unmount()
        except subprocess.CalledProcessError:
            _run(_UMOUNT, "--lazy", str(path))
        image.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
