"""`wa listeners`: the webhooks of a session, and what they refused. Asks the bridge, which has to run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

app = typer.Typer(no_args_is_help=True, help="See, pause and resume webhooks, and deliver again what they refused.")
Session = Annotated[str | None, typer.Option("--session", help="Session; the first of WA_SESSIONS by default.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON lines, as the API has them.")]
Wanted = Annotated[str, typer.Argument(metavar="LISTENER", help="Its URL, its id, or the beginning of its id.")]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="listeners")


@app.command("list", epilog=EXIT_HELP)
def list_listeners(session: Session = None, json: Json = False) -> None:
    """Show who listens, how far behind each is, and what went wrong last."""

    async def command(asked: FacadeClient, path: str) -> Exit:
        found = await _listeners(asked, path)
        if json:
            _print_json(found)
        elif found:
            heads = ("id", "URL", "is", "behind", "delivered", "last", "last error")
            _print_table(heads, [_row(one) for one in found])
        else:
            _say("Nobody listens by webhook.")
        return Exit.OK

    _run(session, command)


@app.command(epilog=EXIT_HELP)
def pause(listener: Wanted, session: Session = None, json: Json = False) -> None:
    """Hold back what a webhook would get. It keeps its place as long as the journal keeps the items."""
    _change(listener, "pause", "Paused", session, json=json)


@app.command(epilog=EXIT_HELP)
def resume(listener: Wanted, session: Session = None, json: Json = False) -> None:
    """Let a paused webhook go on where it stopped."""
    _change(listener, "resume", "Goes on", session, json=json)


@app.command(epilog=EXIT_HELP)
def letters(session: Session = None, json: Json = False) -> None:
    """Show the dead letters: what a webhook refused for good. With --json, what was posted, too."""

    async def command(asked: FacadeClient, path: str) -> Exit:
        found = [one async for one in _letters(asked, path)]
        if json:
            _print_json(found)
        elif found:
            rows = [(one["number"], _time(one["at"]), one["url"], one["attempts"], one["error"]) for one in found]
            _print_table(("number", "since", "URL", "attempts", "error"), rows)
        else:
            _say("There are no dead letters.")
        return Exit.OK

    _run(session, command)


@app.command(epilog=EXIT_HELP)
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="As `wa listeners letters` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter of the session.")] = False,
    session: Session = None,
    json: Json = False,
) -> None:
    """Deliver dead letters once more, each to its URL. Exit code 1 when one is still refused."""

    async def command(asked: FacadeClient, path: str) -> Exit:
        if bool(numbers) is every:
            raise ValueError("Say which: the numbers of dead letters, or --all.")
        refused = 0
        for number in numbers or [one["number"] async for one in _letters(asked, path)]:
            told = await asked.ask("POST", f"{path}/dead-letters/{number}/repeat")
            refused += not told["delivered"]
            if json:
                _print_json([{"number": number, **told}])
            else:
                _say(f"{number}: {'delivered' if told['delivered'] else told['error']}")
        return Exit.FAILED if refused else Exit.OK

    _run(session, command)


def _run(session: str | None, command: Callable[[FacadeClient, str], Awaitable[Exit]]) -> NoReturn:
    """Run a command with the façade and the path of its session."""
    from bridge.cli.service import run

    async def running() -> Exit:
        from urllib.parse import quote

        from bridge.cli.facade import facade
        from bridge.settings import load

        settings = load()
        async with facade(settings) as asked:
            return await command(asked, f"/v1/sessions/{quote(session or settings.sessions[0].name, safe='')}")

    run(running)


def _change(wanted: str, action: str, said: str, session: str | None, *, json: bool) -> NoReturn:
    async def command(asked: FacadeClient, path: str) -> Exit:
        found = [one for one in await _listeners(asked, path) if one["url"] == wanted or one["id"].startswith(wanted)]
        if len(found) != 1:
            many = f"{len(found)} listeners begin with" if found else "No listener is"
            raise ValueError(f"{many} {wanted}; `wa listeners list` shows them.")
        changed = await asked.ask("POST", f"{path}/listeners/{found[0]['id']}/{action}")
        if json:
            _print_json([changed])
        else:
            _say(f"{said}: {changed['url']}")
        return Exit.OK

    _run(session, command)


async def _listeners(asked: FacadeClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await asked.ask("GET", f"{path}/listeners"))["listeners"]
    return found


async def _letters(asked: FacadeClient, path: str) -> AsyncIterator[dict[str, Any]]:
    """All of them, page by page; those that come meanwhile are left for the next time."""
    after = 0
    while page := (await asked.ask("GET", f"{path}/dead-letters", after=after, limit=500))["letters"]:
        for one in page:
            yield one
        after = page[-1]["number"]


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    last = _time(one["last_delivery_at"])
    return one["id"][:8], one["url"], _standing(one), one["lag"], one["delivered"], last, one["last_error"] or ""


def _standing(one: dict[str, Any]) -> str:
    if one["paused"]:
        return "paused"
    return {"open": "fails", "half_open": "being tried", "closed": "works"}.get(one["circuit"], "–")


def _time(at: str | None) -> str:
    from bridge.cli.run import clock_time

    return clock_time(datetime.fromisoformat(at)) if at else "–"


def _say(sentence: str) -> None:
    from bridge.cli.run import console, printable

    console().print(printable(sentence), markup=False, highlight=False)


def _print_json(found: list[dict[str, Any]]) -> None:
    from json import dumps

    from bridge.cli.run import print_json_line

    for one in found:
        print_json_line(dumps(one, ensure_ascii=False))


def _print_table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from bridge.cli.run import console, printable

    shown = Table(box=SIMPLE, pad_edge=False)
    for head in heads:
        shown.add_column(
            head, overflow="fold", justify="right" if head in ("behind", "delivered", "number") else "left"
        )
    for row in rows:
        shown.add_row(*(printable("–" if cell is None else str(cell)) for cell in row))
    console().print(shown, markup=False)
