"""`wa session`: the sessions of a running bridge, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import quote

import typer

from bridge.cli import session_move
from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

app = typer.Typer(
    no_args_is_help=True, help="Sessions of a running bridge: add, remove, list, history, sleep, wake, move."
)
Name = Annotated[str, typer.Argument(metavar="SESSION", help="The session's name.")]
Proxy = Annotated[
    str | None,
    typer.Option(help="http://user:password@host:port, https://… or socks5://host:port; off; default (as WA_PROXY)."),
]
SleepAfter = Annotated[
    str | None,
    typer.Option("--sleep-after", help="Time without work after which it sleeps, as 2h; off; default."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines with the API's fields.")]


def register(parent: typer.Typer) -> None:
    session_move.register(app)
    parent.add_typer(app, name="session")


@app.command(epilog=EXIT_HELP)
def add(
    session: Annotated[str, typer.Argument(metavar="NAME=CLIENTE_ID", help="For example otra=52.")],
    proxy: Proxy = None,
    sleep_after: SleepAfter = None,
    json: Json = False,
) -> None:
    """Add a session. It starts at once, and at every start of the bridge; then pair it: wa pair --session NAME."""

    async def command(client: FacadeClient) -> Exit:
        from bridge.setting_types import parse_sessions

        (new,) = parse_sessions(session)
        body = {"session": new.name, "cliente_id": new.cliente_id, **_options(proxy, sleep_after)}
        _print(await client.request("POST", "/v1/sessions", body), json=json)
        return Exit.OK

    _run(command)


@app.command("set", epilog=EXIT_HELP)
def set_options(session: Name, proxy: Proxy = None, sleep_after: SleepAfter = None, json: Json = False) -> None:
    """Change or show proxy and sleep of a session. A new proxy restarts its browser."""

    async def command(client: FacadeClient) -> Exit:
        path = "/".join(("/v1/sessions", quote(session, safe=""), "options"))
        fields = _options(proxy, sleep_after)
        found = await client.request("PATCH", path, fields) if fields else await client.request("GET", path)
        if json:
            _print(found, json=True)
            return Exit.OK
        sleeps = "never" if found["sleep_after"] is None else f"after {found['sleep_after']} s without work"
        line = f"{found['session']}: proxy {found['proxy'] or 'none'}; sleeps by itself {sleeps}."
        console().print(printable(line), markup=False, highlight=False)
        return Exit.OK

    _run(command)


def _options(proxy: str | None, sleep_after: str | None) -> dict[str, str]:
    given = {"proxy": proxy, "sleep_after": sleep_after}
    return {name: value for name, value in given.items() if value is not None}


@app.command(epilog=EXIT_HELP)
def remove(session: Name, json: Json = False) -> None:
    """End a session for good. Its login, messages and commands are kept; the answer says where."""

    async def command(client: FacadeClient) -> Exit:
        answer = await client.request("DELETE", f"/v1/sessions/{quote(session, safe='')}")
        if json:
            _print(answer, json=True)
        else:
            console().print(printable(answer["text"]), markup=False, highlight=False)
        return Exit.OK

    _run(command)


@app.command("list", epilog=EXIT_HELP)
def list_sessions(json: Json = False) -> None:
    """List the sessions of the bridge, each with its state."""

    async def command(client: FacadeClient) -> Exit:
        for found in (await client.request("GET", "/v1/sessions"))["sessions"]:
            _print(found, json=json)
        return Exit.OK

    _run(command)


@app.command(epilog=EXIT_HELP)
def history(
    session: Name,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, of the newest.")] = 50,
    json: Json = False,
) -> None:
    """Show the states of a session, over restarts: since when, how long, and why. The newest is the last line."""

    async def command(client: FacadeClient) -> Exit:
        path = "/".join(("/v1/sessions", quote(session, safe=""), "states"))
        for one in reversed((await client.request("GET", path, limit=limit))["states"]):
            if json:
                _print(one, json=True)
            else:
                console().print(_lasted(one), markup=False, highlight=False)
        return Exit.OK

    _run(command)


def _lasted(state: dict[str, Any]) -> str:
    """For example `2026-01-31 15:30:00  0:02:10  reconnecting. WhatsApp's connection is down; …`, in local time."""
    from datetime import UTC, datetime

    since = datetime.fromisoformat(state["since"])
    until = datetime.fromisoformat(state["until"]) if state["until"] else datetime.now(UTC)
    lasted = str(until - since).partition(".")[0]
    return printable(f"{since.astimezone():%Y-%m-%d %H:%M:%S}  {lasted:>8}  {state['state']}. {state['text']}")


@app.command(epilog=EXIT_HELP)
def sleep(session: Name, json: Json = False) -> None:
    """Close the browser of a session until a command is due. Meanwhile it receives nothing; it catches up later."""
    _control(session, "sleep", json=json)


@app.command(epilog=EXIT_HELP)
def wake(session: Name, json: Json = False) -> None:
    """Open the browser of a sleeping session."""
    _control(session, "init", json=json)


def _control(session: str, action: str, *, json: bool) -> NoReturn:
    async def command(client: FacadeClient) -> Exit:
        path = "/".join(("/v1/sessions", quote(session, safe=""), "control"))
        _print((await client.request("POST", path, {"action": action}))["status"], json=json)
        return Exit.OK

    _run(command)


def _run(command: Callable[[FacadeClient], Awaitable[Exit]]) -> NoReturn:
    async def with_client() -> Exit:
        from bridge.cli.facade import facade
        from bridge.settings import load

        async with facade(load(), scope="admin") as client:
            return await command(client)

    run(with_client)


def _print(answer: dict[str, Any], *, json: bool) -> None:
    if json:
        from json import dumps

        print_json_line(dumps(answer, ensure_ascii=False))
    else:
        line = f"{answer['session']}: {answer['state']}. {answer['text']}"
        console().print(printable(line), markup=False, highlight=False)
