"""The two transports: standard input and output for one program, streamable HTTP for several.

Over HTTP each request brings its key, which goes to the bridge as it came: the process holds no rights itself. It is
stateless, so that what a client that died had asked for ends with its connection.
"""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx
from mcp.server.fastmcp import FastMCP

from bridge.mcp_server.bridge_api import AgentApi, BridgeRefusal
from bridge.mcp_server.tools import INSTRUCTIONS, ToolContext, add_tools

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import AsyncIterator, Iterator

    from mcp.server.transport_security import TransportSecuritySettings

NO_KEY = "Give the key of an agent in x-api-key, or in Authorization: Bearer."


@asynccontextmanager
async def _http_client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) as client:
        yield client


async def run_stdio(url: str, session: str, key: str) -> None:
    """Serve the program at the other end of standard input until it closes that. Nothing else is written to stdout."""
    async with _http_client(url) as client:
        server = _server()
        add_tools(server, lambda _: AgentApi(client, session, key))
        with _own_streams():
            await server.run_stdio_async()


async def run_http(
    url: str, session: str, listener: socket.socket, *, hosts: tuple[str, ...], stop: asyncio.Event
) -> None:
    """Serve streamable HTTP at `/mcp` on `listener` until `stop`. `hosts`: further names in the Host header."""
    from bridge.asgi.limits import ServerLimits
    from bridge.asgi.server import EmbeddedServer

    async with _http_client(url) as client:
        server = _server(stateless_http=True, max_request_body_size=1_000_000, transport_security=_security(hosts))
        add_tools(server, lambda ctx: AgentApi(client, session, _key_of(ctx)))
        app = server.streamable_http_app()
        async with server.session_manager.run():
            await EmbeddedServer.of(app, ServerLimits()).serve_until(stop, listener, "mcp http")


def _server(**options: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("whatsapp", instructions=INSTRUCTIONS, log_level="WARNING", **options)
    server._mcp_server.version = version("whatsapp-mqtt-bridge")  # noqa: SLF001 - no argument sets it: the SDK's is sent
    return server


@contextmanager
def _own_streams() -> Iterator[None]:
    """Copies of standard input and output: the SDK closes those that it uses, and what runs after it needs them."""
    before = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    try:
        yield
    finally:
        sys.stdin, sys.stdout = before


def _security(hosts: tuple[str, ...]) -> TransportSecuritySettings:
    """Pages of other sites reach a server on this machine by a name of their own: only these are answered."""
    from mcp.server.transport_security import TransportSecuritySettings

    names = [f"{name}:*" for name in ("127.0.0.1", "localhost", "[::1]")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*names, *hosts],
        allowed_origins=[*(f"http://{name}" for name in names), *(f"https://{host}" for host in hosts)],
    )


def _key_of(ctx: ToolContext) -> str:
    request: Any = ctx.request_context.request
    headers = request.headers if request is not None else {}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key: str = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not key:
        raise BridgeRefusal(NO_KEY)
    return key
