"""Addresses of proxies, and durations, as an operator writes them."""

from __future__ import annotations

import pytest

from bridge.contract.commands import checked
from bridge.contract.errors import InvalidRequest
from bridge.contract.proxy import Proxy
from bridge.contract.session_changes import BridgeCommand
from bridge.contract.session_options import parse_sleep_after
from bridge.setting_types import SessionProxies


@pytest.mark.parametrize(
    ("text", "server", "user", "password", "shown"),
    [
        ("http://p.example:3128", "http://p.example:3128", None, None, "http://p.example:3128"),
        ("https://ana@p.example", "https://p.example:443", "ana", None, "https://ana@p.example:443"),
        ("http://a%40b:x%3A%2C@p.example:1", "http://p.example:1", "a@b", "x:,", "http://a@b:***@p.example:1"),
        ("socks5://[::1]", "socks5://[::1]:1080", None, None, "socks5://[::1]:1080"),
    ],
)
def test_an_address_is_parsed_and_shown_without_its_password(
    text: str, server: str, user: str | None, password: str | None, shown: str
) -> None:
    proxy = Proxy.parse(text)
    assert (proxy.server, proxy.user, proxy.password, str(proxy)) == (server, user, password, shown)
    assert password is None or password not in repr(proxy)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p.example:3128", "must be http"),
        ("ftp://p.example", "must be http"),
        ("http://p.example/path", "must be http"),
        ("http://p.example:99999", "cannot be read"),
        ("http://", "must be http"),
        ("socks5://ana:s3creto@p.example", "cannot log in to a SOCKS proxy"),
    ],
)
def test_what_is_no_usable_proxy_is_refused_without_repeating_it(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Proxy.parse(text)
    assert "s3creto" not in str(refused.value)
    with pytest.raises(InvalidRequest, match=why) as named:
        checked(BridgeCommand, {"action": "set_session", "session": "haby", "proxy": text})
    assert "s3creto" not in str(named.value)


def test_the_setting_has_one_proxy_for_all_and_others_by_session() -> None:
    proxies = SessionProxies.parse("http://a:b@all:1, haby=http://own:2/ ,")
    assert (str(proxies.of("haby")), str(proxies.of("otra"))) == ("http://own:2", "http://a:***@all:1")
    assert str(proxies) == "http://a:***@all:1,haby=http://own:2"
    assert SessionProxies.parse("").of("haby") is None


@pytest.mark.parametrize(("text", "seconds"), [("off", None), ("1m", 60), ("2h", 7200), (" 7d ", 604800)])
def test_the_time_until_sleep_is_a_duration_or_off(text: str, seconds: int | None) -> None:
    assert parse_sleep_after(text) == seconds


@pytest.mark.parametrize("text", ["30s", "8d", "2", "h", "-1h", ""])
def test_another_time_until_sleep_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_sleep_after(text)
    with pytest.raises(InvalidRequest):
        checked(BridgeCommand, {"action": "set_session", "session": "haby", "sleep_after": text})
