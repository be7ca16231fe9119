"""What the driver needs of WhatsApp's page: a look with a browser of our own that nobody is logged in to.

A change of the site is seen so without touching a session. What the site loads only after a login is not seen here;
the running session names it (`page_changed`).
"""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.contract.errors import CodedError
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.browser import Browser
from bridge.drivers.web.injection import REQUIRED_MODULES
from bridge.drivers.web.profile import Profile
from bridge.drivers.web.web_page import SiteUnreachable, StateReport, WebPage
from bridge.ops.doctor.findings import Finding, fault, ok, warning
from bridge.settings import BridgeSettings

#: Seconds in which wa-js must have found its modules.
BOOT = 60.0
_LOOK = """(names) => {
  const has = (path) => {
    let value = WPP.whatsapp;
    for (const step of path.split(".")) {
      try { value = value?.[step]; } catch { value = undefined; }
    }
    return value !== undefined;
  };
  const lacking = names.filter((alternatives) => !alternatives.split("|").some(has));
  return { lacking, wanted: WPP.supportedWhatsappWeb ?? null, version: globalThis.Debug?.VERSION ?? null };
}"""


async def page(settings: BridgeSettings, runtime: PlaywrightRuntime) -> list[Finding]:
    """Load the site, let wa-js boot on it, and name what it lacks."""
    with tempfile.TemporaryDirectory(prefix="wa-doctor-") as folder:
        try:
            async with (
                Profile(Path(folder) / "profile") as profile,
                Browser(
                    runtime,
                    profile,
                    executable=settings.browser,
                    arguments=shlex.split(settings.browser_args),
                    limits=Limits(),
                ) as browser,
            ):
                tab = await browser.page()
                web_page = WebPage(tab, session="doctor", limits=Limits())
                await web_page.prepare()
                await web_page.open(settings.web_url)
                booted = await _booted(web_page)
                seen = await tab.evaluate(_LOOK, list(REQUIRED_MODULES))
        except SiteUnreachable as error:
            return [fault("page", f"WhatsApp Web cannot be loaded: {error.text}.", "See the site above.")]
        except CodedError as error:
            return [fault("page", error.text, "See the browser above.")]
    return list(judged(seen, booted=booted))


def judged(seen: Mapping[str, Any], *, booted: bool) -> Iterator[Finding]:
    """From what the page answered to findings. Pure."""
    lacking, version, wanted = list(seen["lacking"]), seen.get("version"), seen.get("wanted")
    says = f"WhatsApp Web {version or 'of an unknown version'}; wa-js wants {wanted or 'any'}."
    if not booted:
        yield fault("page", f"wa-js did not get ready within {BOOT:g} s. {says}", "Update the bridge, or try again.")
    elif lacking:
        yield warning(
            "page",
            f"Without a login the page lacks {', '.join(lacking)}. {says}",
            "Nothing while the session is connected: the site may load them later. If it is page_changed, it is these:"
            " update the bridge.",
        )
    else:
        yield ok("page", f"All {len(REQUIRED_MODULES)} functions that the driver needs are there. {says}")
    if booted and version and wanted and older(str(version), str(wanted)):
        yield warning("page", f"{says} The site is older than that.", "Nothing, as long as nothing is missing.")


def older(version: str, wanted: str) -> bool:
    """Whether `2.3000.1012` is below `>=2.3000.1038-alpha`; False where either cannot be read. Pure."""
    have, least = _numbers(version), _numbers(wanted.lstrip("><= "))
    return bool(have) and bool(least) and have < least


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("-")[0].split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


async def _booted(web_page: WebPage) -> bool:
    """Whether wa-js says that it is ready, or the time is over."""
    try:
        async with asyncio.timeout(BOOT):
            while True:
                match await web_page.next_mail():
                    case StateReport(state) if state.get("ready"):
                        return True
                    case StateReport():
                        pass
                    case _:
                        return False
    except TimeoutError:
        return False
