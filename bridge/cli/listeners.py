"""`wa listeners`: the webhooks of a session and their dead letters, over HTTP from a running bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, print_json_line, run

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

app = typer.Typer(no_args_is_help=True, help="List, test, pause and resume webhooks; list and redeliver dead letters.")
Session = Annotated[str | None, typer.Option("--session", help="Session; the first one by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines with the API's fields.")]
WebhookName = Annotated[
    str, typer.Argument(metavar="LISTENER", help="The webhook's URL, its id, or the beginning of its id.")
]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="listeners")


@app.command("list", epilog=EXIT_HELP)
def list_webhooks(session: Session = None, json: Json = False) -> None:
    """List the webhooks, each with its lag and its last error."""

    async def command(client: FacadeClient, path: str) -> Exit:
        found = await _webhooks(client, path)
        if json:
            _print_json(found)
        elif found:
            headings = ("id", "URL", "state", "lag", "delivered", "last", "last error")
            _print_table(headings, [_row(one) for one in found])
        else:
            _print_line("No webhook is registered.")
        return Exit.OK

    _run(session, command)


@app.command(epilog=EXIT_HELP)
def pause(webhook: WebhookName, session: Session = None, json: Json = False) -> None:
    """Pause deliveries to a webhook. Its cursor stays valid as long as the journal keeps the items."""
    _change(webhook, "pause", "Paused", session, json=json)


@app.command(epilog=EXIT_HELP)
def resume(webhook: WebhookName, session: Session = None, json: Json = False) -> None:
    """Resume a paused webhook at its cursor."""
    _change(webhook, "resume", "Resumed", session, json=json)


@app.command("test", epilog=EXIT_HELP)
def post_example(webhook: WebhookName, session: Session = None, json: Json = False) -> None:
    """Post one signed example to a webhook. Exit code 1 if it does not accept it."""

    async def command(client: FacadeClient, path: str) -> Exit:
        found = await _find(client, path, webhook)
        outcome = await client.request("POST", f"{path}/listeners/{found['id']}/test")
        if json:
            _print_json([outcome])
        else:
            said = f"It answered {outcome['status']}." if outcome["accepted"] else outcome["error"]
            _print_line(f"{found['url']}: {said} ({outcome['ms']} ms)")
        return Exit.OK if outcome["accepted"] else Exit.FAILED

    _run(session, command)


@app.command(epilog=EXIT_HELP)
def letters(session: Session = None, json: Json = False) -> None:
    """List dead letters: deliveries that a webhook refused permanently. --json includes the posted bodies."""

    async def command(client: FacadeClient, path: str) -> Exit:
        found = [one async for one in _dead_letters(client, path)]
        if json:
            _print_json(found)
        elif found:
            rows = [(one["number"], _time(one["at"]), one["url"], one["attempts"], one["error"]) for one in found]
            _print_table(("number", "since", "URL", "attempts", "error"), rows)
        else:
            _print_line("There are no dead letters.")
        return Exit.OK

    _run(session, command)


@app.command(epilog=EXIT_HELP)
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers from `wa listeners letters`.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter of the session.")] = False,
    session: Session = None,
    json: Json = False,
) -> None:
    """Deliver dead letters again, each to its URL. Exit code 1 if one is refused again."""

    async def command(client: FacadeClient, path: str) -> Exit:
        if bool(numbers) is every:
            raise ValueError("Give dead-letter numbers, or --all.")
        refused = 0
        for number in numbers or [one["number"] async for one in _dead_letters(client, path)]:
            outcome = await client.request("POST", f"{path}/dead-letters/{number}/repeat")
            refused += not outcome["delivered"]
            if json:
                _print_json([{"number": number, **outcome}])
            else:
                _print_line(f"{number}: {'delivered' if outcome['delivered'] else outcome['error']}")
        return Exit.FAILED if refused else Exit.OK

    _run(session, command)


def _run(session: str | None, command: Callable[[FacadeClient, str], Awaitable[Exit]]) -> NoReturn:
    """Run a command with a façade client and the API path of its session."""

    async def with_client() -> Exit:
        from urllib.parse import quote

        from bridge.cli.facade import facade
        from bridge.cli.paths import as_run
        from bridge.settings import load

        settings = load()
        async with facade(settings) as client:
            name = session or as_run(settings).session_names[0]
            return await command(client, f"/v1/sessions/{quote(name, safe='')}")

    run(with_client)


def _change(name: str, action: str, done: str, session: str | None, *, json: bool) -> NoReturn:
    async def command(client: FacadeClient, path: str) -> Exit:
        found = await _find(client, path, name)
        changed = await client.request("POST", f"{path}/listeners/{found['id']}/{action}")
        if json:
            _print_json([changed])
        else:
            _print_line(f"{done}: {changed['url']}")
        return Exit.OK

    _run(session, command)


async def _find(client: FacadeClient, path: str, name: str) -> dict[str, Any]:
    """The one webhook with this URL, or an id that begins so. Raises ValueError."""
    found = [one for one in await _webhooks(client, path) if one["url"] == name or one["id"].startswith(name)]
    if len(found) != 1:
        matches = f"{len(found)} webhooks match" if found else "No webhook matches"
        raise ValueError(f"{matches} {name}; `wa listeners list` shows them.")
    return found[0]


async def _webhooks(client: FacadeClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.request("GET", f"{path}/listeners"))["listeners"]
    return found


async def _dead_letters(client: FacadeClient, path: str) -> AsyncIterator[dict[str, Any]]:
    after = 0
    while page := (await client.request("GET", f"{path}/dead-letters", after=after, limit=500))["letters"]:
        for one in page:
            yield one
        after = page[-1]["number"]


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    last = _time(one["last_delivery_at"])
    return one["id"][:8], one["url"], _state(one), one["lag"], one["delivered"], last, one["last_error"] or ""


def _state(one: dict[str, Any]) -> str:
    if one["paused"]:
        return "paused"
    return {"open": "failing", "half_open": "retrying", "closed": "working"}.get(one["circuit"], "–")


def _time(at: str | None) -> str:
    return clock_time(datetime.fromisoformat(at)) if at else "–"


def _print_line(sentence: str) -> None:
    console().print(printable(sentence), markup=False, highlight=False)


def _print_json(found: list[dict[str, Any]]) -> None:
    from json import dumps

    for one in found:
        print_json_line(dumps(one, ensure_ascii=False))


def _print_table(headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for heading in headings:
        is_number = heading in ("lag", "delivered", "number")
        table.add_column(heading, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(printable("–" if cell is None else str(cell)) for cell in row))
    console().print(table, markup=False)
