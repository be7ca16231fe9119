"""Which wa-js is loaded: shipped, installed with its hash, or a file; and what is said about one that cannot be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bridge.contract.errors import StartError
from bridge.drivers.web import library
from bridge.drivers.web.examination.versions import wa_js
from bridge.drivers.web.library import BUNDLE, PACKAGE, InstalledLibraries
from bridge.settings import BridgeSettings
from tests.npm_registry import packed


@pytest.fixture
def settings(tmp_path: Path) -> BridgeSettings:
    return BridgeSettings(data_dir=tmp_path / "data")


def package(folder: Path, version: str, text: str = "bundle", name: str = PACKAGE) -> Path:
    path = folder / f"{version.replace('/', '-')}.tgz"
    path.write_bytes(packed(name, version, {BUNDLE: text}))
    return path


def test_the_shipped_one_without_a_choice(settings: BridgeSettings) -> None:
    chosen = library.chosen(settings)
    assert chosen.label == f"wa-js {chosen.version} (shipped)"
    assert chosen.supports is not None
    assert "WPP" in chosen.text


async def test_an_installed_one_after_it_was_selected(settings: BridgeSettings, tmp_path: Path) -> None:
    installed = InstalledLibraries(settings.data_dir)
    installed.install(package(tmp_path, "4.7.0"))
    assert library.chosen(settings).origin == "shipped"
    installed.use("4.7.0")
    assert (library.chosen(settings).origin, library.chosen(settings).text) == ("installed", "bundle")
    assert (await wa_js(settings)).level == "ok"
    installed.install(package(tmp_path, "4.7.0", "another build"))  # the same version again
    assert library.chosen(settings).text == "another build"


async def test_an_installed_one_that_is_older_than_the_shipped_is_a_warning(
    settings: BridgeSettings, tmp_path: Path
) -> None:
    installed = InstalledLibraries(settings.data_dir)
    installed.install(package(tmp_path, "4.0.0"))
    installed.use("4.0.0")
    finding = await wa_js(settings)
    assert (finding.level, finding.advice) == ("warning", "wa web use shipped")


@pytest.mark.parametrize("damage", ["changed", "deleted", "record"])
async def test_one_that_is_not_what_was_tried_is_never_loaded(
    settings: BridgeSettings, tmp_path: Path, damage: str
) -> None:
    installed = InstalledLibraries(settings.data_dir)
    installed.install(package(tmp_path, "4.7.0"))
    installed.use("4.7.0")
    folder = settings.data_dir / "web" / "wa-js"
    match damage:
        case "changed":
            (folder / "4.7.0" / "wppconnect-wa.js").write_text("bundle2")
        case "deleted":
            (folder / "4.7.0" / "wppconnect-wa.js").unlink()
        case _:
            (folder / "installed.json").write_text("{")
    with pytest.raises(StartError, match="wa web update"):
        library.chosen(settings)
    assert (await wa_js(settings)).level == "fault"


def test_a_file_before_any_other(settings: BridgeSettings, tmp_path: Path) -> None:
    InstalledLibraries(settings.data_dir).install(package(tmp_path, "4.7.0"))
    own = tmp_path / "own.js"
    own.write_text("mine")
    chosen = library.chosen(settings.model_copy(update={"wa_js_file": own}))
    assert chosen.text == "mine"
    assert chosen.label.startswith("wa-js of an unknown version (file, SHA-256 ")
    (tmp_path / "package.tgz").write_bytes(b"\x1f\x8b\x08")
    for wrong in ("absent.js", "package.tgz"):
        with pytest.raises(StartError, match="WA_JS_FILE"):
            library.chosen(settings.model_copy(update={"wa_js_file": tmp_path / wrong}))


@pytest.mark.parametrize(
    ("version", "name"), [("../../outside", PACKAGE), ("latest", PACKAGE), ("4.7.0", "@another/package")]
)
def test_another_package_is_refused(settings: BridgeSettings, tmp_path: Path, version: str, name: str) -> None:
    with pytest.raises(StartError):
        InstalledLibraries(settings.data_dir).install(package(tmp_path, version, name=name))
    (tmp_path / "no.tgz").write_text("no tarball")
    with pytest.raises(StartError, match="not a package"):
        InstalledLibraries(settings.data_dir).install(tmp_path / "no.tgz")
    assert not settings.data_dir.exists()


def test_a_package_that_is_cut_off_is_refused(settings: BridgeSettings, tmp_path: Path) -> None:
    path = package(tmp_path, "4.7.0", random.Random(1).randbytes(10_000).hex())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StartError, match="not a package"):
        InstalledLibraries(settings.data_dir).install(path)
