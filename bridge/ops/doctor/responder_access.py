"""Whether a responder asks for a key, as the bridge does: its own service, it does not know those of `wa key`."""

from __future__ import annotations

from bridge.contract.findings import Finding, ok, warning

#: Seconds for an answer.
TIMEOUT = 5.0
_CHECK = "responder"


async def responder_access(url: str) -> Finding | None:
    """A warning where it answers without a key; None where no responder answers at `url`."""
    import httpx  # 4 MB, for those who have keys

    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            health = (await client.get(f"{url}/health")).json()
            # the Node service has the same name, and no such field
            if not isinstance(health, dict) or "ready" not in health:
                return None
            status = (await client.get(f"{url}/api/switches")).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    if status == httpx.codes.UNAUTHORIZED:
        return ok(_CHECK, f"{url} asks for a key, as the bridge does.")
    if status != httpx.codes.OK:
        return None
    return warning(
        _CHECK,
        f"{url} answers without a key, and the bridge asks for one: every program of that machine reads the"
        " conversations.",
        "Set WA_RESPONDER_SECRET for bridge, responder and campaigns, and restart them: docs/responder.md, Access.",
    )
