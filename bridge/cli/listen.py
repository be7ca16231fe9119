"""`wa listen`: conversations as they happen, for people or as JSON lines for programs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.client import Client, FileCursor, Start
    from bridge.contract.messages import MessageBody


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(listen)


def listen(
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    from_start: Annotated[
        bool, typer.Option("--all", "--from-start", help="Begin with the oldest message that is kept.")
    ] = False,
    cursor: Annotated[
        Path | None, typer.Option(help="File that keeps the place: the next start goes on behind it.", dir_okay=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Each message as a JSON line, and nothing else.")] = False,
) -> None:
    """Print messages as they come. Ctrl-C ends it.

    wa listen --json --cursor seen.json | my-program
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.cli.connect import join
        from bridge.client import FileCursor, NoBridge

        place = FileCursor(cursor) if cursor else None
        after: Start = (place.load() if place else None) or (None if from_start else "now")
        async with join(session, "listen") as joined:
            try:
                await joined.client.status(joined.session)
            except NoBridge as error:
                typer.echo(f"{error.text} Waiting for it.", err=True)
            if json:
                await _print_json(joined.client, joined.session, after, place)
            else:
                await _print_conversations(joined.client, joined.session, after, place)
        return Exit.OK

    run(command)


async def _print_json(client: Client, session: str, after: Start, place: FileCursor | None) -> None:
    from bridge.cli.run import print_json_line

    async for message in client.messages(session, after=after):
        print_json_line(message.to_json())
        if place is not None:
            place.save(message.cursor)


async def _print_conversations(client: Client, session: str, after: Start, place: FileCursor | None) -> None:
    from bridge.cli.run import console

    out = console()

    async def received() -> None:
        async for message in client.messages(session, after=after):
            _print_message(out, message, own=False)
            if place is not None:
                place.save(message.cursor)

    async def own() -> None:
        async for event in client.events(session, after="now"):
            if event.message is not None:
                _print_message(out, event.message, own=True)

    async def states() -> None:
        from bridge.cli.run import clock_time

        shown = None
        async for status in client.watch_status(session):
            if (status.state, status.reason) != shown:
                shown = status.state, status.reason
                out.print(
                    f"{clock_time(status.at)}  {session} is {status.state}: {status.text}",
                    style="dim",
                    markup=False,
                    highlight=False,
                )

    async with asyncio.TaskGroup() as tasks:
        for name, part in (("states", states()), ("messages", received()), ("own messages", own())):
            tasks.create_task(part, name=f"listen {name}")


def _print_message(out: Console, message: MessageBody, *, own: bool) -> None:
    from rich.text import Text

    from bridge.cli.run import clock_time, printable
    from bridge.contract.payload import instant

    line = Text()
    line.append(clock_time(instant(message.timestamp)), style="dim")
    if own:
        line.append(f"  you → {_short(message.chat)}", style="bold cyan")
    else:
        line.append(
            f"  {printable(message.notify_name or _short(message.from_pn or message.author))}", style="bold green"
        )
        group = f" in {_short(message.chat)}" if message.author != message.chat else ""
        name = f" {_short(message.from_pn or message.author)}" if message.notify_name else ""
        line.append(f"{name}{group}", style="dim")
    kind = "" if message.type == "chat" else f"[{message.type}] "
    line.append(f"  {kind}{printable(message.body)}")
    if message.late:
        line.append("  (late)", style="dim")
    out.print(line, highlight=False)


def _short(address: str) -> str:
    """The number of a person, the whole address of anything else."""
    from bridge.contract.errors import InvalidRequest
    from bridge.contract.jid import Jid

    try:
        jid = Jid.parse(address)
    except InvalidRequest:
        return address
    return jid.user if jid.is_user else str(jid)
