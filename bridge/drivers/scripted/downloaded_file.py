"""A file as a browser leaves it after a download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def downloaded(content: bytes) -> Iterator[Path]:
    """A file with this content, which is gone afterwards."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        yield path
