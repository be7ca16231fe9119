"""What each run looks at on every screen: what axe finds, and a screenshot for manual review."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page

#: `make clean` removes it; WA_SCREENSHOTS sets another folder.
FOLDER = Path(os.environ.get("WA_SCREENSHOTS") or Path(__file__).parent.parent / "build" / "screenshots")


async def picture(page: Page, name: str) -> None:
    """Store a screenshot of the page; it replaces that of the last run."""
    await page.screenshot(path=FOLDER / f"{name}.png")


async def check_accessible(page: Page, where: str) -> None:
    """Nothing that axe calls serious or critical."""
    found: list[dict[str, Any]] = (await Axe().run(page)).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert serious == [], f"{where}: {[(one['id'], one['nodes'][0]['html'][:160]) for one in serious]}"
