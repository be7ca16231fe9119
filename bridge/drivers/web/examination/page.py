"""WhatsApp's page in a separate browser without a login: its version, and the functions that the driver needs.

The site loads all of them on its QR page, so a missing one is a change of the site. No session is touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.contract.errors import CodedError
from bridge.contract.findings import Finding, fault, ok, warning
from bridge.contract.proxy import Proxy
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.examination.browser import what_failed
from bridge.drivers.web.examination.trial_browser import trial_browser
from bridge.drivers.web.injection import REQUIRED_MODULES
from bridge.drivers.web.library import numbers
from bridge.drivers.web.versions import ChosenVersions
from bridge.drivers.web.web_page import SiteUnreachable, StateReport, WebPage
from bridge.ports import DriverSettings

#: Seconds within which wa-js must find its modules.
BOOT_TIMEOUT = 60.0
_VERSION = "() => globalThis.Debug?.VERSION ?? null"
_NOT_THE_SITE = "Maintenance, or a wrong WA_WEB_URL or WA_WEB_VERSION: open the site in a browser on this network."
_CHANGED = "wa web update; if that does not help, see When WhatsApp Web changes in docs/operations.md."


@dataclass(frozen=True, slots=True)
class LoadedPage:
    """What the page showed. `missing` None: wa-js was not ready in time. `text`: of a page that is not WhatsApp Web."""

    version: str | None = None
    missing: Sequence[str] | None = None
    text: str | None = None


async def page(settings: DriverSettings, runtime: PlaywrightRuntime, proxy: Proxy | None = None) -> list[Finding]:
    """Load the site with the chosen wa-js, wait until it is ready, and report missing functions."""
    limits = Limits()
    try:
        versions = ChosenVersions.of(settings)
        async with trial_browser(settings, runtime, limits, proxy) as browser:
            tab = await browser.page()
            web_page = WebPage(tab, session="doctor", available=False, limits=limits, versions=versions)
            await web_page.prepare(settings.web_url)
            await web_page.open(settings.web_url)
            loaded = await _loaded(web_page, limits)
            if loaded.text is None:
                loaded = replace(loaded, version=await tab.evaluate(_VERSION))
    except SiteUnreachable as error:
        return [fault("page", f"WhatsApp Web cannot be loaded: {error.text}.", "See the site above.")]
    except CodedError as error:
        return [fault("page", what_failed(error), "See wa-js and the browser above.")]
    return list(evaluate(loaded, versions))


def evaluate(loaded: LoadedPage, versions: ChosenVersions) -> Iterator[Finding]:
    """The findings for a loaded page. Pure."""
    library = versions.library
    found = f"WhatsApp Web {loaded.version or 'of an unknown version'}"
    supported = f"wa-js {library.version} supports {library.supports or 'versions that it does not name'}"
    if loaded.text is not None:
        yield fault("page", f"The site answers, but not with WhatsApp Web ({loaded.text}).", _NOT_THE_SITE)
    elif loaded.missing is None:
        yield fault("page", f"wa-js was not ready within {BOOT_TIMEOUT:g} s on {found}; {supported}.", _CHANGED)
    elif loaded.missing:
        yield fault("page", f"{found} has no {', '.join(loaded.missing)}; {supported}.", _CHANGED)
    elif loaded.version and library.supports and older(loaded.version, library.supports):
        yield warning(
            "page",
            f"{found} is older than that: {supported}. All {len(REQUIRED_MODULES)} functions are available.",
            "Nothing, as long as the session is connected.",
        )
    else:
        count = len(REQUIRED_MODULES)
        yield ok("page", f"{found}: all {count} functions that the driver needs are available; {supported}.")


def older(version: str, supported: str) -> bool:
    """Whether `2.3000.1012` is below `>=2.3000.1038-alpha`; False if either cannot be parsed. Pure."""
    actual, minimum = numbers(version), numbers(supported)
    return bool(actual) and bool(minimum) and actual < minimum


async def _loaded(web_page: WebPage, limits: Limits) -> LoadedPage:
    """What is missing when wa-js is ready and the site had time to load all of its parts."""
    loop = asyncio.get_running_loop()
    not_the_site = loop.time() + limits.no_site
    missing: Sequence[str] | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(BOOT_TIMEOUT) as waiting:
            while True:
                match await web_page.next_event():
                    case StateReport(state) if state["ready"]:
                        if missing is None:
                            waiting.reschedule(loop.time() + limits.missing_functions)
                        missing = state["missing"]
                        if not missing:
                            break
                    case StateReport(state) if state["complete"] and not state["loader"] and not state["injected"]:
                        if loop.time() > not_the_site:
                            return LoadedPage(text=state["visibleText"])
                    case StateReport():
                        pass
                    case _:
                        break
    return LoadedPage(missing=missing)
