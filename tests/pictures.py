"""Screenshots of every screen, stored by each run for manual review."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Page

#: `make clean` removes it; WA_SCREENSHOTS sets another folder.
FOLDER = Path(os.environ.get("WA_SCREENSHOTS") or Path(__file__).parent.parent / "build" / "screenshots")


async def picture(page: Page, name: str) -> None:
    """Store a screenshot of the page; it replaces that of the last run."""
    await page.screenshot(path=FOLDER / f"{name}.png")
