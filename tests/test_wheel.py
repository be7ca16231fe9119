"""The wheel: everything that runs is inside, wa-js and its licences too, and it works with no checkout beside it."""

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.installed_wheel import InstalledProgram, carry, install
from tests.parts import require_binary

ROOT = Path(__file__).parent.parent
PAGE = "bridge/drivers/web"
WA_JS = f"{PAGE}/node_modules/@wppconnect/wa-js"


def build(project: Path, target: str, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(to)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = build(ROOT, "wheel", folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_it_ships_every_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    folders = [ROOT / name for name in ("bridge", "campaigns", "responder")]
    package = {path.relative_to(ROOT).as_posix() for one in folders for path in one.rglob("*") if path.is_file()}
    fetched = {name for name in package if "/node_modules/" in name}
    only_for_set_up = {f"{PAGE}/package-lock.json", f"{PAGE}/.npmrc"}
    assert {name for name in package - fetched - only_for_set_up if "__pycache__" not in name} <= names
    assert "bridge/py.typed" in names
    assert {name for name in names if "/node_modules/" in name} == {
        f"{WA_JS}/package.json",
        f"{WA_JS}/LICENSE",
        f"{WA_JS}/dist/wppconnect-wa.js",
        f"{WA_JS}/dist/wppconnect-wa.js.LICENSE.txt",
    }
    assert not {name for name in names if name.startswith(("tests/", "scripts/", ".venv/"))}


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """`wa` of an environment that knows no checkout; the dependencies are ours."""
    return install(wheel, tmp_path / "env")


def test_installed_alone_it_finds_wa_js_and_its_own_command(installed: Path, tmp_path: Path) -> None:
    script = (
        "import importlib.resources as resources\n"
        "page = resources.files('bridge.drivers.web')\n"
        "wa_js = page / 'node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js'\n"
        "print(page); print(len(wa_js.read_bytes()))"
    )
    python = installed.with_name("python")
    read = subprocess.run([python, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    where, size = read.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path / "env/lib")
    assert int(size) == (ROOT / WA_JS / "dist/wppconnect-wa.js").stat().st_size


@pytest.mark.timeout(180)
def test_installed_alone_it_carries_a_message_each_way(installed: Path, tmp_path: Path) -> None:
    """Without downloads; `make wheel` installs the dependencies too."""
    require_binary("mosquitto", "mosquitto")
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    work = tmp_path / "elsewhere"
    work.mkdir()
    program = InstalledProgram(installed, work)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert program.run("--version").stdout == f"wa {version}\n"
    carry(program)


def test_the_brokers_configuration_is_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    made = InstalledProgram(installed, tmp_path).run("broker", "init", "--dir", str(tmp_path / "broker"))
    assert made.returncode == 0, made.stderr
    assert "allow_anonymous false" in (tmp_path / "broker/mosquitto.conf").read_text()


def test_without_a_browser_it_says_how_to_get_one(installed: Path, tmp_path: Path) -> None:
    """The command for Playwright's names the Python of this environment, which no PATH has under pipx."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("env", "sh"):
        (folder / name).symlink_to(shutil.which(name) or name)
    program = InstalledProgram(installed, tmp_path, PATH=str(folder), PLAYWRIGHT_BROWSERS_PATH=str(folder))
    found = {one["check"]: one for one in map(json.loads, program.run("doctor", "--json").stdout.splitlines())}
    assert found["browser"]["what"] == "No browser is installed."
    assert "On Debian: apt install chromium-headless-shell." in found["browser"]["advice"]
    assert f"{installed.with_name('python')} -m playwright install --with-deps chromium" in found["browser"]["advice"]
    assert found["page"]["what"] == "No browser is installed."


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a build reads, small enough to break."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT / "scripts", copy / "scripts")
    shutil.copytree(ROOT / PAGE, copy / PAGE)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy2(ROOT / name, copy / name)
    return copy


def test_without_wa_js_the_build_stops_and_says_what_to_do(project: Path, tmp_path: Path) -> None:
    (project / WA_JS / "dist/wppconnect-wa.js").unlink()
    built = build(project, "wheel", tmp_path / "out")
    assert built.returncode != 0
    assert "wa-js is incomplete (dist/wppconnect-wa.js): run scripts/setup" in built.stderr
    assert not list(tmp_path.glob("out/*"))


def test_with_another_wa_js_than_the_pinned_one_the_build_stops(project: Path, tmp_path: Path) -> None:
    manifest = project / WA_JS / "package.json"
    manifest.write_text('{"version": "0.0.1"}')
    built = build(project, "wheel", tmp_path / "out")
    assert built.returncode != 0
    assert "wa-js 0.0.1 is installed" in built.stderr


def test_a_source_archive_brings_wa_js_so_that_a_wheel_can_be_built_from_it(project: Path, tmp_path: Path) -> None:
    built = build(project, "sdist", tmp_path / "out")
    assert built.returncode == 0, built.stderr
    (archive,) = tmp_path.glob("out/*.tar.gz")
    # By tar: 3.11.2 (Debian 12) cannot be given the filter that later versions warn about when it is absent.
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path / "unpacked"], check=True)
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again = build(unpacked, "wheel", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    (wheel,) = tmp_path.glob("out/*.whl")
    assert f"{WA_JS}/dist/wppconnect-wa.js" in zipfile.ZipFile(wheel).namelist()
