"""Reads files out of an npm tarball. Nothing is unpacked, so no name in it can reach another folder."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from bridge.contract.errors import StartError

#: A version becomes part of a file's name.
_VERSION = re.compile(r"\d+\.\d+\.\d+[0-9A-Za-z.-]*")
_ROOT = "package/"


class NpmArchive:
    """`with NpmArchive.open(path, name) as archive`; `version` is the package's own."""

    def __init__(self, tar: tarfile.TarFile, name: str) -> None:
        self._tar = tar
        self._name = name
        self.description: dict[str, Any] = json.loads(self.read("package.json"))
        self.version = check_version(str(self.description.get("version")))
        if self.description.get("name") != name:
            raise StartError(f"The package is {self.description.get('name')}, not {name}.")

    @classmethod
    @contextmanager
    def open(cls, path: Path, name: str) -> Iterator[Self]:
        """Raises `StartError` if it is not a tarball of the package `name`."""
        try:
            with tarfile.open(path) as tar:
                yield cls(tar, name)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise StartError(f"{path.name} is not a package of npm: {error}") from error

    def read(self, file: str) -> bytes:
        """The content of a file. Raises `StartError` if it is missing."""
        try:
            member = self._tar.extractfile(_ROOT + file)
        except KeyError:
            member = None
        if member is None:
            raise StartError(f"The package {self._name} has no file {file}.")
        return member.read()


def check_version(version: str) -> str:
    """Return it. Raises `StartError` if it is not a version such as 4.6.0 or 2.3000.1048032155-alpha."""
    if not _VERSION.fullmatch(version):
        raise StartError(f"{version!r} is not a version: write for example 4.6.0.")
    return version
