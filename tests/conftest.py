"""What tests of several parts share."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import filterfalse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from _pytest.terminal import TerminalReporter

from tests.clocks import FakeClock

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

    from tests.mariadb_server import MariaDbServer

# Each start of Playwright compiles 7 MB of JavaScript: once for all tests, also of the programs that they start.
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(__file__).parents[1] / ".pytest_cache" / "node"))

#: Folders whose tests run on one event loop, so that they can share what starts slowly, as a browser.
SHARING = ("campaigns", "drivers", "e2e", "http/panel", "node_red", "requests", "responder", "sandbox", "states")
ON_ONE_LOOP = tuple(f"{Path(__file__).parent / folder}/" for folder in SHARING)
NOT_ROOT = os.geteuid() != 0  # Chromium has no sandbox for root
#: A test that may take as many seconds is one of the longest.
LONG = 150
#: Suites whose tests start no program: thousands take seconds.
QUICK = frozenset({"contract", "core", "client", "store", "webhooks"})


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without looks for garbage: the collection creates a million objects, and they stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()  # each later look takes less without them
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each of several workers begin with its share of the longest tests, and end with quick ones: all wait for a
    long one that starts last.

    A worker gets an equal part of the list, in order; one that is done takes from the end of another's part.
    """
    for item in items:  # all of the suite: a look into `path.parents` of each took a fifth of the collection
        if str(item.path).startswith(ON_ONE_LOOP) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    longest, others = list(filter(_is_long, items)), list(filterfalse(_is_long, items))
    quick, others = list(filter(_is_quick, others)), list(filterfalse(_is_quick, others))
    total, items[:] = len(items), []
    for worker in range(workers):
        part = (total - len(items)) // (workers - worker)  # as xdist divides them
        share = longest[worker::workers]
        share += _taken(others, min(part - len(share), -(-len(others) // (workers - worker))))
        items += share + _taken(quick, part - len(share))
    items += others + quick


def _taken(tests: list[pytest.Item], count: int) -> list[pytest.Item]:
    taken, tests[:] = tests[: max(0, count)], tests[max(0, count) :]
    return taken


def _is_quick(item: pytest.Item) -> bool:
    return item.path.relative_to(item.config.rootpath).parts[1] in QUICK


def _is_long(item: pytest.Item) -> bool:
    limit = item.get_closest_marker("timeout")
    return limit is not None and limit.args[0] >= LONG


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    from tests.mariadb_server import MariaDbServer  # with SQLAlchemy, which the core suite does not use

    with MariaDbServer(tmp_path_factory.mktemp("maria")) as server:
        yield server


@pytest.fixture(scope="session")
def browser_path() -> str:
    from tests.parts import require_binary  # with parts of the bridge

    return os.environ.get("WA_BROWSER") or require_binary("chromium-headless-shell", "chromium-headless-shell")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """One for all tests that look at pages."""
    from playwright.async_api import async_playwright  # not loaded by the tests without a page

    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright, browser_path: str) -> AsyncIterator[Browser]:
    """One for all of them, because its start is slow. A test opens a context, which stores nothing that others find."""
    browser = await playwright.chromium.launch(
        executable_path=browser_path, chromium_sandbox=NOT_ROOT, args=["--host-resolver-rules=MAP *.test 127.0.0.1"]
    )
    yield browser
    await browser.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """In the repetition of `scripts/test`: name what failed beside other tests and passed alone."""
    if os.environ.get("WA_TEST_REPEATED") and (passed := terminalreporter.getreports("passed")):
        terminalreporter.section("flaky: failed beside other tests, passed alone", yellow=True)
        for report in passed:
            terminalreporter.write_line(f"FLAKY {report.nodeid}")
