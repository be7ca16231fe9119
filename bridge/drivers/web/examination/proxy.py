"""The proxies of the sessions: whether a browser reaches the site through each."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bridge.contract.errors import CodedError
from bridge.contract.findings import Finding, fault, ok
from bridge.contract.proxy import Proxy
from bridge.drivers.web import Limits, PlaywrightRuntime
from bridge.drivers.web.examination.trial_browser import trial_browser
from bridge.drivers.web.versions import ChosenVersions
from bridge.drivers.web.web_page import ProxyRefused, SiteUnreachable, WebPage
from bridge.ports import DriverSettings

_ADVICE = "Check address, user and password; change them with wa session set {session} --proxy URL, or in WA_PROXY."


async def proxies(settings: DriverSettings, runtime: PlaywrightRuntime) -> AsyncIterator[Finding]:
    """Load the site through each proxy once, in a browser without a login. Nothing for sessions without one."""
    users: dict[Proxy, list[str]] = {}
    for session in settings.session_names:
        if (proxy := settings.proxy_of(session)) is not None:
            users.setdefault(proxy, []).append(session)
    for proxy, sessions in users.items():
        yield await _through(settings, runtime, proxy, sessions)


async def _through(settings: DriverSettings, runtime: PlaywrightRuntime, proxy: Proxy, sessions: list[str]) -> Finding:
    limits, of = Limits(), f"{proxy} of {', '.join(sessions)}"
    try:
        async with trial_browser(settings, runtime, limits, proxy) as browser:
            page = WebPage(
                await browser.page(),
                session="doctor",
                available=False,
                limits=limits,
                versions=ChosenVersions.of(settings),
            )
            await page.open(settings.web_url)
    except ProxyRefused as error:
        return fault("proxy", f"{of} lets nothing through: {error.text}.", _ADVICE.format(session=sessions[0]))
    except SiteUnreachable as error:
        advice = "The proxy or the site does not answer: try the proxy with curl -x."
        return fault("proxy", f"The site cannot be loaded through {of}: {error.text}.", advice)
    except CodedError as error:
        return fault("proxy", error.text, "See the browser above.")
    return ok("proxy", f"The site loads through {of}.")
