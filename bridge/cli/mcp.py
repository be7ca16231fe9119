"""`wa mcp`: chats for agents, over the Model Context Protocol. A process of its own on the bridge's HTTP."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import Exit, imports_of_a_service, run

if TYPE_CHECKING:
    from types import ModuleType

    from bridge.mcp_server.settings import McpSettings


def register(app: typer.Typer) -> None:

    @app.command("mcp")
    def mcp(
        http: Annotated[bool, typer.Option("--http", help="Streamable HTTP on WA_MCP_PORT instead of stdio.")] = False,
    ) -> None:
        """Serve agents over MCP: on stdio with the key WA_MCP_KEY, or on HTTP with the key of each request.

        The key decides which chats exist: wa key create claude --chat 5491155500001=read_new,reply
        """
        run(_serve_http if http else _serve_stdio)


async def _serve_stdio() -> Exit:
    server, settings = _load()
    from bridge.contract.errors import StartError

    if settings.key is None:
        raise StartError("Set WA_MCP_KEY to the key of an agent: `wa key create NAME --chat NUMBER` makes one.")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the thread that reads standard input would hold the end
    await server.run_stdio(settings.url, settings.session, settings.key.get_secret_value())
    return Exit.OK


async def _serve_http() -> Exit:
    server, settings = _load()
    import sys

    from bridge.asgi.listener import bind
    from bridge.cli.signals import stop_on_signals
    from bridge.contract.errors import StartError

    try:
        listener = bind(settings.host, settings.port)
    except OSError as error:
        raise StartError(
            f"MCP cannot listen on {settings.host}:{settings.port} ({error.strerror}): set WA_MCP_HOST and WA_MCP_PORT."
        ) from error
    host, port = listener.getsockname()[:2]
    sys.stderr.write(f"MCP on http://{host}:{port}/mcp\n")
    sys.stderr.flush()
    with stop_on_signals() as stop:
        hosts = settings.further_hosts
        await server.run_http(settings.url, settings.session, listener, hosts=hosts, stop=stop)
    return Exit.OK


def _load() -> tuple[ModuleType, McpSettings]:
    """The server and the settings. Raises `StartError` where the SDK is not installed."""
    from bridge.contract.errors import StartError
    from bridge.mcp_server.settings import load_mcp_settings

    settings = load_mcp_settings()
    with imports_of_a_service():
        try:
            from bridge.mcp_server import server
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "mcp":
                raise
            raise StartError(
                "`wa mcp` needs the SDK: pipx inject whatsapp-mqtt-bridge 'mcp<2', or pip install 'mcp<2' in its"
                " environment."
            ) from error
    return server, settings
