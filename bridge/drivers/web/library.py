"""The copies of wa-js: shipped with the bridge, installed beside it in the data directory, or a file of the operator.

An installed copy is loaded only while its content has the SHA-256 that was recorded after its check.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from bridge.contract.errors import StartError
from bridge.drivers.web.npm_archive import NpmArchive, check_version
from bridge.ports import DriverSettings, LibraryVersion

PACKAGE = "@wppconnect/wa-js"
BUNDLE = "dist/wppconnect-wa.js"
_SHIPPED = Path("node_modules") / PACKAGE


@dataclass(frozen=True, slots=True)
class Library:
    """One copy with its text. `supports` is what its package says about WhatsApp Web, such as `>=2.3000.1038792969`."""

    version: str
    origin: Literal["shipped", "installed", "file"]
    text: str = field(repr=False)
    supports: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def label(self) -> str:
        """`wa-js 4.6.0 (shipped)`; the hash is named where the release does not vouch for it."""
        mark = "" if self.origin == "shipped" else f", SHA-256 {self.sha256[:12]}"
        return f"wa-js {self.version} ({self.origin}{mark})"


def shipped() -> Library:
    """Raises `StartError` when wa-js is not installed with the bridge."""
    folder = Path(str(resources.files("bridge.drivers.web"))) / _SHIPPED
    try:
        return _of_package(folder, "shipped")
    except OSError as error:
        raise StartError("wa-js is not installed with the bridge. Run scripts/setup, or install the wheel.") from error


def of_file(path: Path) -> Library:
    """A file of the operator; its version is known if it lies in an npm package. Raises `StartError`."""
    try:
        return _of_package(path.parent.parent, "file", path)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise StartError(f"WA_JS_FILE: {path} cannot be read ({why}).") from error


def chosen(settings: DriverSettings) -> Library:
    """What the settings and `wa web use` select. Raises `StartError` if it cannot be loaded."""
    if settings.wa_js_file is not None:
        return of_file(settings.wa_js_file)
    installed = InstalledLibraries(settings.data_dir)
    return installed.load(installed.used) if installed.used else shipped()


class InstalledLibraries:
    """The folder `web/wa-js` of the data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "web" / "wa-js"
        self._record = self._folder / "installed.json"

    @property
    def used(self) -> str | None:
        """The selected version; None = the shipped one."""
        used = self._read().get("used")
        return None if used is None else str(used)

    def load(self, version: str) -> Library:
        """Raises `StartError` if it is not installed, or not what was installed."""
        entry = self._read()["versions"].get(version)
        if entry is None:
            raise StartError(f"wa-js {version} is not installed: wa web update {version}, or wa web use shipped.")
        try:
            text = self._bundle(version).read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise StartError(
                f"wa-js {version} cannot be read ({error}): wa web update {version}, or wa web use shipped."
            ) from error
        library = Library(version, "installed", text, entry.get("supports"))
        if library.sha256 != entry["sha256"]:
            raise StartError(
                f"The installed wa-js {version} was changed after its check (SHA-256 {library.sha256[:12]}, expected"
                f" {entry['sha256'][:12]}): wa web update {version}, or wa web use shipped."
            )
        return library

    def all(self) -> list[LibraryVersion]:
        """Every installed version, used or not, newest last."""
        found = []
        for version, entry in self._read()["versions"].items():
            fault = None
            try:
                self.load(version)
            except StartError as error:
                fault = error.text
            hashed, supports = entry["sha256"], entry.get("supports")
            found.append(LibraryVersion(version, "installed", hashed, supports, version == self.used, fault))
        return sorted(found, key=lambda library: numbers(library.version))

    def install(self, package: Path) -> LibraryVersion:
        """Keep the bundle of an npm package with its hash. Raises `StartError`, `OSError`."""
        library = in_package(package)
        record = self._read()
        bundle = self._bundle(library.version)
        bundle.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(bundle, library.text)
        record["versions"][library.version] = {"sha256": library.sha256, "supports": library.supports}
        _write(self._record, json.dumps(record, indent=2) + "\n")
        return LibraryVersion(library.version, "installed", library.sha256, library.supports)

    def use(self, version: str | None) -> Library:
        """Select a version, from the next start on. Raises `StartError`, `OSError`."""
        library = shipped() if version is None else self.load(version)
        if version is not None or self._record.exists():
            _write(self._record, json.dumps(self._read() | {"used": version}, indent=2) + "\n")
        return library

    def _bundle(self, version: str) -> Path:
        return self._folder / check_version(version) / Path(BUNDLE).name

    def _read(self) -> dict[str, Any]:
        try:
            record = json.loads(self._record.read_text("utf-8"))
            return {"used": record["used"], "versions": dict(record["versions"])}
        except FileNotFoundError:
            return {"used": None, "versions": {}}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StartError(f"{self._record} is damaged ({error}): delete it, then run wa web update.") from error


def in_package(package: Path) -> Library:
    """The library in an npm tarball. Raises `StartError`."""
    with NpmArchive.open(package, PACKAGE) as archive:
        return _described(archive.description, "installed", archive.read(BUNDLE).decode("utf-8"))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of `2.3000.1038-alpha` or `>=4.6.0`, to compare; empty if it cannot be parsed."""
    parts = version.lstrip("><= ").partition("-")[0].split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _of_package(folder: Path, origin: Literal["shipped", "file"], bundle: Path | None = None) -> Library:
    text = (bundle or folder / BUNDLE).read_text("utf-8")
    try:
        description = json.loads((folder / "package.json").read_text("utf-8"))
    except (OSError, ValueError):
        description = {}
    return _described(description if description.get("name") == PACKAGE else {}, origin, text)


def _described(description: dict[str, Any], origin: Literal["shipped", "installed", "file"], text: str) -> Library:
    engines = description.get("engines") or {}
    return Library(description.get("version") or "of an unknown version", origin, text, engines.get("whatsapp-web"))


def _write(path: Path, text: str) -> None:
    """Atomic: a bridge may start at any moment."""
    new = path.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.chmod(0o600)
    new.replace(path)
