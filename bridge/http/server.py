"""The HTTP side as one long-lived part of the bridge."""

from __future__ import annotations

import socket

from bridge.asgi.server import EmbeddedServer
from bridge.contract.errors import StartError
from bridge.http.app import build_app
from bridge.http.context import AppContext
from bridge.http.guard import AuthOptions


async def serve(context: AppContext, options: AuthOptions, listener: socket.socket) -> None:
    """Serve on `listener` until `context.closing`; then answer what is in progress, within the shutdown timeout.

    Raises `StartError` where other machines could call without credentials.
    """
    if not options.loopback_only and not await context.credentials.are_configured():
        raise StartError(
            "HTTP listens beyond this machine (WA_HTTP_HOST), and no key protects it. Set WHATSAPP_API_KEY or"
            " WA_JWT_SECRET, or make a key with `wa key create`."
        )
    app = build_app(context, options, version=context.version)
    await EmbeddedServer.of(app, context.limits.server).serve_until(context.closing, listener, "http server")
