"""Whether a newer release is out, where the operator has set an address to ask."""

from __future__ import annotations

from bridge.contract.findings import Finding, ok, warning
from bridge.ops.releases import ReleasesUnreachable, is_newer, newest_release


async def release(url: str, installed: str) -> Finding:
    """A warning for a newer one, and for an address that names none."""
    try:
        found = await newest_release(url)
    except ReleasesUnreachable as error:
        return warning("release", f"{error}", "Look at WA_RELEASES; unset, nothing is asked.")
    if is_newer(found, installed):
        return warning("release", f"{found} is out, {installed} runs here.", "CHANGELOG.md says what is new.")
    return ok("release", f"{installed} is the newest release.")
