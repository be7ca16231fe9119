"""Permitted callback URLs: known attack spellings of addresses, and names whose address changes."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.details import InvalidDetail
from bridge.contract.errors import InvalidRequest, StartError
from bridge.ports import Failure
from bridge.settings import load
from bridge.webhooks.callback_url import CallbackRules, CallbackUrl, carried
from bridge.webhooks.poster import WebhookPoster
from tests.broker.certificates import make_certificates
from tests.http.receiver import Answer, Receiver
from tests.stream_server import stream_server

LOOPBACK = CallbackRules()
INTERNET = CallbackRules.parse("*.example.com, hooks.example.org, 10.20.0.0/16")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("http://localhost:3013/api/message-received", "http://localhost:3013/api/message-received"),
        ("HTTP://LOCALHOST:80", "http://localhost/"),
        ("https://Example.com:443/a?b=c", "https://example.com/a?b=c"),
        ("http://127.0.0.1:3013", "http://127.0.0.1:3013/"),
        ("http://[::1]:3013/x", "http://[::1]:3013/x"),
        ("http://[0:0:0:0:0:0:0:1]/x", "http://[::1]/x"),
        ("http://example.com./x", "http://example.com/x"),
        ("http://bot_1.lan/x", "http://bot_1.lan/x"),
    ],
)
def test_a_url_has_one_normal_form(text: str, normal: str) -> None:
    assert str(CallbackUrl.parse(text)) == normal
    assert str(CallbackUrl.parse(normal)) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:3013/hook",
        "//localhost/hook",
        "ftp://localhost/hook",
        "file:///etc/passwd",
        "gopher://localhost:25/_MAIL",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user@localhost/",
        "http://localhost@evil.example/",
        "http://user:password@localhost/",
        "http://localhost#@evil.example/",
        "http://localhost\\@evil.example/",
        "http://localhost /",
        "http://local\thost/",
        "http://localhost\r\nX: y/",
        "http://localhost:0/",
        "http://localhost:65536/",
        "http://localhost:-1/",
        "http://localhost:port/",
        "http://2130706433/",  # 127.0.0.1 as one number
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://0177.0.0.0x1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.1.1/",
        "http://127.0.0.01/",
        "http://256.0.0.1/",
        "http://[::1",
        "http://[::1%25lo]/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:127.0.0.1.5]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://ⓛocalhost/",
        "http://xn--/../",
        "http://-x.example/",
        "http://a..b/",
        "http://" + "a" * 64 + ".example/",
        "http://localhost/" + "a" * 2048,
    ],
)
def test_an_invalid_callback_url_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CallbackUrl.parse(text)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("ftp://localhost/hook", InvalidDetail.URL_SCHEME),
        ("http://user@localhost/", InvalidDetail.URL_CREDENTIALS),
        ("http://localhost/#a", InvalidDetail.URL_FRAGMENT),
        ("http://localhost:0/", InvalidDetail.URL_INVALID),
        ("http://10.0.0.1/", InvalidDetail.URL_FORBIDDEN),
        ("http://localhost:3011/v1", InvalidDetail.URL_OF_THE_BRIDGE),
        ("http://bot.lan/", InvalidDetail.URL_HOST_UNKNOWN),
    ],
)
async def test_a_refused_url_has_a_detail_code(resolver: Resolver, text: str, detail: InvalidDetail) -> None:
    resolver.answers = {"localhost": ["127.0.0.1"]}
    async with WebhookPoster(LOOPBACK, own_port=3011) as webhooks:
        with pytest.raises(InvalidRequest) as refused:
            await webhooks.check(text)
    assert refused.value.detail is detail


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,30}/?.{0,10}"))
def test_any_text_is_a_url_in_normal_form_or_refused(text: str) -> None:
    try:
        url = CallbackUrl.parse(text)
    except InvalidRequest:
        return
    assert CallbackUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # cloud metadata
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::169.254.169.254", False),
        ("2002:a9fe:a9fe::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("100.100.100.200", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
    ],
)
def test_loopback_is_the_default_and_nothing_else(address: str, allowed: bool) -> None:
    assert LOOPBACK.allow("any.example", ipaddress.ip_address(address)) is allowed


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("a.example.com", "8.8.8.8", True),
        ("a.b.example.com", "8.8.8.8", True),
        ("hooks.example.org", "2606:4700::1111", True),
        ("example.com", "8.8.8.8", False),  # *.example.com does not include example.com
        ("evilexample.com", "8.8.8.8", False),
        ("hooks.example.org.evil.com", "8.8.8.8", False),
        ("a.example.com", "127.0.0.1", False),  # a listed name may only lead to public addresses …
        ("a.example.com", "169.254.169.254", False),
        ("a.example.com", "::ffff:10.0.0.1", False),
        ("a.example.com", "64:ff9b::10.0.0.1", False),
        ("a.example.com", "224.0.0.1", False),
        ("a.example.com", "10.20.1.2", True),  # … and to listed networks
        ("whatever.lan", "10.20.1.2", True),
        ("whatever.lan", "10.21.1.2", False),
    ],
)
def test_listed_names_lead_to_public_addresses_only(host: str, address: str, allowed: bool) -> None:
    assert INTERNET.allow(host, ipaddress.ip_address(address)) is allowed


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1"])
def test_an_ipv4_address_is_seen_inside_an_ipv6_one(address: str) -> None:
    assert carried(ipaddress.ip_address(address)) == ipaddress.ip_address("10.0.0.1")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "http://x", "a b", "*.*.example.com", "exa_mple!.com"])
def test_an_invalid_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CallbackRules.parse(text)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("https://crm.example", "is a URL"),
        ("crm.example/hook", "has no path"),
        ("crm.example:8080", "has a port"),
        ("[::1]", "brackets"),
        ("*", "is not a host name"),
        ("crm.*.example", "is not a host name"),
        ("crm_example!", "is not a host name"),
        ("10.0.0.5-20", "neither a host name nor an address"),
        ("::ffff:10.0.0.0/104", "write these as IPv4"),
        ("64:ff9b::/96", "write these as IPv4"),
    ],
)
def test_an_entry_that_could_match_nothing_is_refused_by_name(entry: str, why: str) -> None:
    with pytest.raises(StartError, match=f"WA_CALLBACK_HOSTS: '.*{why}") as refused:
        load(callback_hosts=f"loopback,{entry}")
    assert entry in refused.value.text


@pytest.mark.parametrize("entry", ["crm.example.", "CRM.example", "crm.example"])
def test_a_listed_name_is_compared_in_the_form_of_urls(entry: str) -> None:
    rules = CallbackRules.parse(entry)
    assert rules.names_host(CallbackUrl.parse("http://crm.example./hook").host)
    assert CallbackRules.parse(f"*.{entry}").names_host("a.crm.example")


async def test_one_forbidden_address_of_a_name_is_enough(resolver: Resolver) -> None:
    resolver.answers = {"a.example.com": ["8.8.8.8", "127.0.0.1"]}
    async with WebhookPoster(INTERNET, own_port=None) as webhooks:
        with pytest.raises(InvalidRequest, match=r"127\.0\.0\.1"):
            await webhooks.check("http://a.example.com/hook")


async def test_a_listed_name_that_cannot_be_resolved_is_accepted_and_another_is_not(resolver: Resolver) -> None:
    resolver.answers = {}
    async with WebhookPoster(INTERNET, own_port=None) as webhooks:
        assert await webhooks.check("http://a.example.com/hook") == "http://a.example.com/hook"
        with pytest.raises(InvalidRequest, match="could not be resolved"):
            await webhooks.check("http://bot.lan/hook")
        answer = await webhooks.post("http://a.example.com/hook", b"{}", {})
    assert answer.failure is Failure.HOST_UNKNOWN


async def test_a_name_with_a_forbidden_address_at_delivery_is_not_called(
    resolver: Resolver, receiver: Receiver
) -> None:
    rules = CallbackRules.parse("*.example.com")
    resolver.answers = {"a.example.com": ["93.184.215.14"]}
    async with WebhookPoster(rules, own_port=None) as webhooks:
        url = await webhooks.check(f"http://a.example.com:{receiver.port}/hook")
        resolver.answers = {"a.example.com": ["127.0.0.1"]}
        answer = await webhooks.post(url, b"{}", {})
    assert answer.failure is Failure.FORBIDDEN
    assert receiver.posts == []


async def test_the_checked_address_is_the_one_that_is_called(resolver: Resolver, receiver: Receiver) -> None:
    """A second resolution of the name would return another address."""
    resolver.answers = {"bot.example": ["127.0.0.1"]}
    resolver.then = {"bot.example": ["10.0.0.1"]}
    async with WebhookPoster(LOOPBACK, own_port=None) as webhooks:
        answer = await webhooks.post(f"http://bot.example:{receiver.port}/hook", b"{}", {})
    assert answer.status == 200
    assert resolver.asked == 1
    assert receiver.posts[0].headers["host"] == f"bot.example:{receiver.port}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status, {"Location": receiver.url + "/again"})]
    async with WebhookPoster(LOOPBACK, own_port=None) as webhooks:
        answer = await webhooks.post(receiver.url, b"{}", {})
    assert answer.status == status
    assert len(receiver.posts) == 1


async def test_the_facade_itself_is_refused_as_a_callback(receiver: Receiver) -> None:
    async with WebhookPoster(LOOPBACK, own_port=receiver.port) as webhooks:
        for host in ("127.0.0.1", "localhost", "127.0.0.9", "[::1]"):
            with pytest.raises(InvalidRequest, match="itself"):
                await webhooks.check(f"http://{host}:{receiver.port}/v1/sessions")
            answer = await webhooks.post(f"http://{host}:{receiver.port}/", b"{}", {})
            assert answer.failure is Failure.FORBIDDEN
    assert receiver.posts == []


async def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with WebhookPoster(LOOPBACK, own_port=None) as webhooks:
        assert (await webhooks.post(receiver.url, b"{}", {})).status == 200


async def test_an_endless_answer_is_cut_off() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with stream_server(drip) as port, WebhookPoster(LOOPBACK, own_port=None, timeout=0.3) as webhooks:
        answer = await webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert answer.failure is Failure.TIMED_OUT


@pytest.mark.parametrize(
    ("sent", "failure"),
    [
        (b"", Failure.BROKEN_OFF),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.BROKEN_OFF),
        (None, Failure.CONNECTION_REFUSED),
    ],
)
async def test_the_failure_of_a_post_without_an_answer(sent: bytes | None, failure: Failure) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent or b"")

    async with AsyncExitStack() as server, WebhookPoster(LOOPBACK, own_port=None) as webhooks:
        port = await server.enter_async_context(stream_server(talk))
        if sent is None:
            await server.aclose()
        answer = await webhooks.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert answer.failure is failure
    assert answer.detail


class Resolver:
    """A name service that the test controls: a real one must not be asked, and would not answer like this."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.then: dict[str, list[str]] | None = None
        self.asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        known, self.answers = self.answers, self.then or self.answers
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver()
    real = asyncio.get_running_loop().getaddrinfo

    async def answer(host: str, port: int, **rest: Any) -> Any:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return await resolver.getaddrinfo(host, port, **rest)
        return await real(host, port, **rest)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
    return resolver


@pytest.mark.parametrize("trusted", [True, False])
async def test_https_goes_only_to_receivers_with_a_trusted_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    async with Receiver(tls=context) as receiver, WebhookPoster(LOOPBACK, own_port=None) as webhooks:
        answer = await webhooks.post(f"https://127.0.0.1:{receiver.port}/hook", b"{}", {})
        named = await webhooks.post(f"https://localhost:{receiver.port}/hook", b"{}", {})
    assert answer.status == (200 if trusted else None)
    assert named.failure is Failure.TLS_FAILED  # the certificate is for the address, not for this name
    assert "certificate" in named.detail.lower()
    assert len(receiver.posts) == trusted
