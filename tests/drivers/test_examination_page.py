"""What `wa doctor` finds on WhatsApp's page without a login: its version, missing functions, another page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.contract.findings import Finding
from bridge.contract.proxy import Proxy
from bridge.drivers.web.examination.page import LoadedPage, evaluate, older, page
from bridge.drivers.web.library import Library
from bridge.drivers.web.versions import ChosenVersions
from bridge.sandbox.records import Site
from tests.drivers.worlds import WebWorld


@dataclass(frozen=True)
class Settings:
    web_url: str
    data_dir: Path
    web_version: str | None = None
    wa_js_file: Path | None = None
    browser: str | None = None
    browser_args: str = ""
    available: bool = False
    browsers_starting: int = 4
    browser_memory: int | None = None
    session_names: tuple[str, ...] = ("haby",)

    def proxy_of(self, session: str) -> Proxy | None:
        del session
        return None

    def session_dir(self, name: str) -> Path:
        return self.data_dir / name


@pytest.fixture
def settings(web: WebWorld, tmp_path: Path) -> Settings:
    return Settings(web.sandbox.url, tmp_path)


def judge(loaded: LoadedPage, supports: str | None = ">=2.3000.1042000000-alpha") -> Finding:
    [finding] = evaluate(loaded, ChosenVersions(Library("4.6.0", "shipped", "", supports)))
    return finding


async def test_a_page_with_every_function_and_its_version(web: WebWorld, settings: Settings) -> None:
    [finding] = await page(settings, web.runtime)
    assert finding.level == "ok", finding
    assert "WhatsApp Web 2.3000." in finding.what
    assert "supports >=2.3000." in finding.what


async def test_a_function_that_is_missing_before_the_login_is_a_fault(web: WebWorld, settings: Settings) -> None:
    web.set(missing_modules=["WAWebSendMsgChatAction"])
    [finding] = await page(settings, web.runtime)
    assert finding.level == "fault"
    assert "has no functions.addAndSendMsgToChat" in finding.what
    assert "wa web update" in (finding.advice or "")


async def test_a_function_that_the_site_loads_late_is_not_missing(web: WebWorld, settings: Settings) -> None:
    web.set(missing_modules=["WAWebSendMsgChatAction"], late_modules_ms=3000)
    [finding] = await page(settings, web.runtime)
    assert finding.level == "ok", finding


async def test_another_page_is_named_by_what_a_person_sees(web: WebWorld, settings: Settings) -> None:
    web.set(site=Site.MAINTENANCE)
    [finding] = await page(settings, web.runtime)
    assert finding.level == "fault"
    assert "down for maintenance" in finding.what


async def test_a_wa_js_that_is_not_there_is_a_fault(web: WebWorld, settings: Settings, tmp_path: Path) -> None:
    [finding] = await page(Settings(settings.web_url, tmp_path, wa_js_file=tmp_path / "none.js"), web.runtime)
    assert (finding.level, "none.js" in finding.what) == ("fault", True)


def test_a_page_on_which_wa_js_does_not_boot_is_a_fault() -> None:
    assert judge(LoadedPage()).level == "fault"


def test_a_page_older_than_supported_is_a_warning() -> None:
    assert judge(LoadedPage("2.3000.1041999999", ())).level == "warning"
    assert judge(LoadedPage("2.3000.1042000000", ())).level == "ok"
    assert judge(LoadedPage("2.3000.1041999999", ()), None).level == "ok"


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("2.3000.1012", ">=2.3000.1038-alpha", True),
        ("2.3000.1038", ">=2.3000.1038-alpha", False),
        ("2.3001.1", ">=2.3000.1038", False),
        ("unknown", ">=2.3000.1038", False),
        ("2.3000.1", "any", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, *, answer: bool) -> None:
    assert older(version, wanted) is answer
