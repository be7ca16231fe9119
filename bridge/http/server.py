"""The HTTP side as one long-lived part of the bridge."""

from __future__ import annotations

import ipaddress
import socket

from bridge.asgi.server import EmbeddedServer, bind
from bridge.contract.errors import StartError
from bridge.http.app import build_app
from bridge.http.context import AppContext
from bridge.http.guard import AuthOptions


def listen(host: str, port: int) -> socket.socket:
    """Take the address of the HTTP side; port 0 takes a free one. Raises `StartError` with what to do."""
    try:
        return bind(host, port)
    except OSError as error:
        raise StartError(
            f"HTTP cannot listen on {host}:{port} ({error.strerror}). End the program that does, or choose another"
            " address in WA_HTTP_HOST and WA_HTTP_PORT (off: no HTTP)."
        ) from error


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach a socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def address_of(listener: socket.socket) -> str:
    """Where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpServer:
    """Serves HTTP on `listener` until `stop`."""

    def __init__(self, context: AppContext, options: AuthOptions, listener: socket.socket, *, version: str) -> None:
        self._context = context
        self._options = options
        self._listener = listener
        self._version = version

    def stop(self) -> None:
        """Take no more requests; `run` returns when those in progress are answered, or after the shutdown timeout."""
        self._context.closing.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises `StartError` where other machines could call without credentials."""
        if not self._options.loopback_only and not await self._context.credentials.are_configured():
            raise StartError(
                "HTTP listens beyond this machine (WA_HTTP_HOST), and no key protects it. Set WHATSAPP_API_KEY or"
                " WA_JWT_SECRET, or make a key with `wa key create`."
            )
        app = build_app(self._context, self._options, version=self._version)
        server = EmbeddedServer.of(app, self._context.limits.server)
        await server.serve_until(self._context.closing, self._listener, "http server")
