"""Which wa-js the pages run and what it supports, and the age of a pinned page. No browser is started."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib import resources

from bridge.contract.errors import StartError
from bridge.contract.findings import Finding, fault, ok, warning
from bridge.drivers.web import library, pinned_page
from bridge.drivers.web.library import PACKAGE, Library, numbers
from bridge.ports import DriverSettings


async def wa_js(settings: DriverSettings) -> Finding:
    """The copy that the next start loads."""
    try:
        chosen, shipped = library.chosen(settings), library.shipped()
    except StartError as error:
        return fault("wa-js", error.text, "Without a wa-js that loads the bridge does not start.")
    required = _required()
    if chosen.origin == "shipped" and chosen.version != required:
        return fault("wa-js", f"Version {chosen.version} is installed, {required} is required.", "Run scripts/setup.")
    found = f"{chosen.label.removeprefix('wa-js ')} supports WhatsApp Web {_supports(chosen)}."
    if chosen.origin == "installed" and numbers(chosen.version) < numbers(shipped.version):
        return warning("wa-js", f"{found} The bridge ships {shipped.version}.", "wa web use shipped")
    return ok("wa-js", found)


async def pinned(settings: DriverSettings) -> AsyncIterator[Finding]:
    """The saved page that WA_WEB_VERSION names; no finding without one."""
    try:
        page = pinned_page.chosen(settings)
    except StartError as error:
        yield fault("pinned page", error.text, "Or unset WA_WEB_VERSION.")
        return
    if page is not None:
        yield warning(
            "pinned page",
            f"WA_WEB_VERSION: {page.label}.",
            "Unset it once the newest page works again: WhatsApp ends a version after some weeks.",
        )


def _required() -> str:
    package = json.loads((resources.files("bridge.drivers.web") / "package.json").read_text("utf-8"))
    return str(package["dependencies"][PACKAGE])


def _supports(chosen: Library) -> str:
    return chosen.supports or "(it does not say which)"
