"""The functions of WhatsApp's page that the driver needs, checked in a separate browser without a login.

This detects a change of the site without touching a session. Modules that the site loads only after a login are not
visible here; a running session reports them (`page_changed`).
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
from bridge.ports import DriverSettings, Finding, fault, ok, warning

#: Seconds within which wa-js must find its modules.
BOOT_TIMEOUT = 60.0
_PROBE = """(names) => {
  const has = (path) => {
    let value = WPP.whatsapp;
    for (const step of path.split(".")) {
      try { value = value?.[step]; } catch { value = undefined; }
    }
    return value !== undefined;
  };
  const missing = names.filter((alternatives) => !alternatives.split("|").some(has));
  return { missing, wanted: WPP.supportedWhatsappWeb ?? null, version: globalThis.Debug?.VERSION ?? null };
}"""


async def page(settings: DriverSettings, runtime: PlaywrightRuntime) -> list[Finding]:
    """Load the site, wait for wa-js, and report missing functions."""
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
                probe = await tab.evaluate(_PROBE, list(REQUIRED_MODULES))
        except SiteUnreachable as error:
            return [fault("page", f"WhatsApp Web cannot be loaded: {error.text}.", "See the site above.")]
        except CodedError as error:
            return [fault("page", error.text, "See the browser above.")]
    return list(evaluate(probe, booted=booted))


def evaluate(probe: Mapping[str, Any], *, booted: bool) -> Iterator[Finding]:
    """The findings for the probe's answer. Pure."""
    missing, version, wanted = list(probe["missing"]), probe.get("version"), probe.get("wanted")
    versions = f"WhatsApp Web {version or 'of an unknown version'}; wa-js requires {wanted or 'any'}."
    if not booted:
        yield fault(
            "page", f"wa-js was not ready within {BOOT_TIMEOUT:g} s. {versions}", "Update the bridge, or try again."
        )
    elif missing:
        yield warning(
            "page",
            f"Without a login the page has no {', '.join(missing)}. {versions}",
            "Nothing while the session is connected: the site may load them later. In state page_changed these"
            " functions are the cause: update the bridge.",
        )
    else:
        yield ok("page", f"All {len(REQUIRED_MODULES)} functions that the driver needs are available. {versions}")
    if booted and version and wanted and older(str(version), str(wanted)):
        yield warning("page", f"{versions} The site is older than that.", "Nothing, as long as no function is missing.")


def older(version: str, wanted: str) -> bool:
    """Whether `2.3000.1012` is below `>=2.3000.1038-alpha`; False if either cannot be parsed. Pure."""
    actual, minimum = _numbers(version), _numbers(wanted.lstrip("><= "))
    return bool(actual) and bool(minimum) and actual < minimum


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("-")[0].split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


async def _booted(web_page: WebPage) -> bool:
    """Whether wa-js reports that it is ready before the timeout."""
    try:
        async with asyncio.timeout(BOOT_TIMEOUT):
            while True:
                match await web_page.next_event():
                    case StateReport(state) if state.get("ready"):
                        return True
                    case StateReport():
                        pass
                    case _:
                        return False
    except TimeoutError:
        return False
