"""Which address is believed: that of the connection, or one that a configured proxy forwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from bridge.asgi.authentication import client_address
from bridge.asgi.forwarded import Forwarded
from bridge.asgi.proxies import Proxies

HERE, NGINX, ANA = "127.0.0.1", "10.0.0.2", "203.0.113.7"


async def seen(proxies: str, peer: str, **headers: str) -> tuple[str, str]:
    """The address and the scheme that the application sees."""
    scope: Scope = {
        "type": "http",
        "client": (peer, 4000),
        "scheme": "http",
        "headers": [(name.replace("_", "-").encode(), value.encode("latin1")) for name, value in headers.items()],
    }

    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pass

    await Forwarded(application, Proxies.parse(proxies))(scope, None, None)  # type: ignore[arg-type]
    assert scope["state"]["peer"] == peer
    return client_address(scope), scope["scheme"]


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        ("", HERE, ANA, HERE),
        ("loopback", HERE, ANA, ANA),
        ("loopback", "::1", ANA, ANA),
        ("loopback", NGINX, ANA, NGINX),
        ("loopback, 10.0.0.0/8", NGINX, f"{ANA}, 10.0.0.9", ANA),
        ("loopback", HERE, f"198.51.100.1, {ANA}", ANA),  # the client's own header, to which the proxy added
        ("loopback", HERE, HERE, HERE),
        ("loopback", HERE, "", HERE),
        ("loopback", HERE, "evil\x1b[31m", HERE),
        ("loopback", HERE, f"{ANA}:4000", HERE),
        ("loopback", HERE, "fe80::1%\x1b[31m", HERE),
        ("loopback", HERE, "2001:DB8::1", "2001:db8::1"),
    ],
)
async def test_an_address_is_believed_from_a_proxy_only(proxies: str, peer: str, forwarded: str, expected: str) -> None:
    assert (await seen(proxies, peer, x_forwarded_for=forwarded))[0] == expected


@given(st.text(st.characters(max_codepoint=255)))
async def test_whatever_is_forwarded_the_address_is_one(forwarded: str) -> None:
    address, scheme = await seen("loopback", HERE, x_forwarded_for=forwarded, x_forwarded_proto=forwarded)
    assert set(address) <= set("0123456789abcdef:.")
    assert scheme in ("http", "https")


async def test_the_scheme_is_that_of_a_proxy() -> None:
    assert (await seen("loopback", HERE, x_forwarded_proto="https"))[1] == "https"
    assert (await seen("", HERE, x_forwarded_proto="https"))[1] == "http"
    assert (await seen("loopback", HERE, x_forwarded_proto="javascript"))[1] == "http"


@pytest.mark.parametrize("text", ["nginx", "10.0.0.0/64", "127.0.0.1 10.0.0.1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Proxies.parse(text)
