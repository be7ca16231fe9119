"""The proxy of a session: what the real browser sends goes through it, and a wrong one is said without its password."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bridge.contract.jid import Jid
from bridge.contract.proxy import Proxy
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web.examination.proxy import proxies
from bridge.settings import load
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, WebWorld, connected
from tests.proxy_server import counting_proxy

SECRET = "s3creto-largo"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_page_and_link_go_through_the_proxy_and_those_of_another_session_do_not(
    web: WebWorld, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site = urlsplit(web.sandbox.url).netloc
    login = ("ana", SECRET) if scheme == "http" else (None, "")
    async with counting_proxy(*login) as proxy:
        credentials = f"ana:{SECRET}@" if scheme == "http" else ""
        driver = web.web_driver()
        driver.use_proxy(Proxy.parse(f"{scheme}://{credentials}127.0.0.1:{proxy.port}"))
        async with connected(web, driver) as (_, sink):
            assert set(proxy.passed) == {site}  # although it is loopback, which Chromium would leave out
            assert len(proxy.passed) > 1
            web.incoming(ANA, "hola")
            await sink.until(lambda: sink.messages)
            assert str(await driver.resolve(Jid.parse(ANA))) == ANA
        through = len(proxy.passed)
        driver.use_proxy(None)  # holds from the next start on
        async with running(driver) as sink:
            await sink.until_state(SessionState.CONNECTED)
        assert len(proxy.passed) == through
    assert SECRET not in caplog.text


async def test_a_wrong_proxy_is_a_state_with_a_sentence_until_it_lets_the_browser_through(
    web: WebWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with counting_proxy("ana", "otro-secreto") as proxy:
        driver = web.web_driver()
        driver.use_proxy(Proxy.parse(f"http://ana:{SECRET}@127.0.0.1:{proxy.port}"))
        async with running(driver) as sink:
            refused = await sink.until_state(SessionState.UNREACHABLE)
            assert refused.reason is Reason.PROXY_UNUSABLE
            assert "wa session set" in refused.text
            assert (proxy.passed, proxy.refused > 0) == ([], True)
            proxy.password = SECRET
            await sink.until(lambda: sink.codes)
    async with running(driver) as sink:
        gone = await sink.until_state(SessionState.UNREACHABLE)
        assert gone.reason is Reason.PROXY_UNUSABLE
        assert "ERR_PROXY_CONNECTION_FAILED" in gone.text
    assert SECRET not in caplog.text


async def test_doctor_loads_the_site_through_each_proxy_once(web: WebWorld, tmp_path: Path) -> None:
    async with counting_proxy("ana", SECRET) as proxy:
        good, wrong = (f"http://ana:{word}@127.0.0.1:{proxy.port}" for word in (SECRET, "wrong"))
        settings = load(
            WA_DATA_DIR=tmp_path,
            WA_WEB_URL=web.sandbox.url,
            WA_SESSIONS="haby=51,otra=52,mala=53,sin=54",
            WA_PROXY=f"haby={good},otra={good},mala={wrong}",
        )
        async with asyncio.timeout(60):
            found = [finding async for finding in proxies(settings, web.runtime)]
    assert [(finding.level, "haby, otra" in finding.what, "mala" in finding.what) for finding in found] == [
        ("ok", True, False),
        ("fault", False, True),
    ]
    assert "--proxy" in (found[1].advice or "")
    assert SECRET not in f"{found}{settings.proxy}"
