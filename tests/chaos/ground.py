"""A small disk of its own under a bridge's data: an ext4 image that can be filled, or stopped by a fault of its own.

Needs root, for the mount; without it the faults that stand on one are left out, by name.
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
    """Mounted at `path` from `image`."""

    def __init__(self, image: Path, path: Path) -> None:
        self._image, self._path = image, path
        self._ballast = path / "ballast"

    def mount(self) -> None:
        """Writable; what the file system's own log holds is taken in first."""
        _run(_MOUNT, "-o", "loop", str(self._image), str(self._path))

    def unmount(self, patience: float = 20) -> None:
        """Wait for those who still have files open. Raises CalledProcessError."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return _run(_UMOUNT, str(self._path))
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def settle(self) -> None:
        """Write out what waits in memory."""
        _run("/usr/bin/sync", "-f", str(self._path))

    def fail(self) -> None:
        """As after an error of the device: read-only at once, and what was not written out is gone."""
        _run(_MOUNT, "-o", "remount,abort", str(self._path))

    def fill(self) -> None:
        """To the last block."""
        with self._ballast.open("ab") as file:
            for size in (2**20, 4096):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    continue

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def disk(path: Path) -> Iterator[Disk]:
    """A fresh one under `path`, gone at the end whatever happened."""
    path.mkdir(parents=True, exist_ok=True)
    image = path.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(SIZE)
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
