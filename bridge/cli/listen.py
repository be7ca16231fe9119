"""`wa listen`: prints incoming messages, as text for people or as JSON lines for programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import one_line, printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, print_json_line, run

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.client import Client, Cursor, FileCursor, Start
    from bridge.contract.events import EventBody
    from bridge.contract.messages import MessageBody, Stream

#: Before every further row of a message.
_MARGIN = "        │ "


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(listen)


def listen(
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    from_start: Annotated[
        bool, typer.Option("--all", "--from-start", help="Begin with the oldest stored message.")
    ] = False,
    cursor: Annotated[
        Path | None,
        typer.Option(
            help="File that stores the read position; the next run resumes after it. That of --media is FILE.media.",
            dir_okay=False,
        ),
    ] = None,
    media: Annotated[
        Path | None, typer.Option(help="Folder in which the files of messages are saved.", file_okay=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print only JSON lines, one per message.")] = False,
) -> None:
    """Print messages as they arrive, until Ctrl-C.

    wa listen --json --cursor seen.json | my-program
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.client import FileCursor, NoBridge
        from bridge.contract.messages import Stream

        files = FileCursor(cursor.with_name(f"{cursor.name}.media")) if cursor and media else None
        seen = _Position.load(FileCursor(cursor) if cursor else None, Stream.IN, from_start)
        saved = _Position.load(files, Stream.EVENT, from_start)
        async with connect_session(session, "listen") as connected:
            try:
                await connected.client.status(connected.session)
            except NoBridge as error:
                typer.echo(f"{error.text} Waiting for one.", err=True)
            printing = _print_json if json else _print_conversations
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(printing(connected.client, connected.session, seen), name="listen")
                if media is not None:
                    saving = _save_files(connected.client, connected.session, media, saved)
                    tasks.create_task(saving, name="listen files")
        return Exit.OK

    run(command)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a run begins to read a stream, and how far it has come; the next run resumes there if there is a file."""

    file: FileCursor | None
    stored: Cursor | None
    stream: Stream
    from_start: bool

    @classmethod
    def load(cls, file: FileCursor | None, stream: Stream, from_start: bool) -> _Position:
        """Without a stored position it begins now, or at the start. Raises BadCursorFile."""
        return cls(file, file.load() if file else None, stream, from_start)

    async def begin(self, client: Client, session: str) -> Start:
        if self.stored is not None or self.from_start:
            return self.stored
        if self.file is None:
            return "now"
        newest = await client.newest(session, self.stream)
        self.file.save(newest)  # or the next run would miss what comes after a run in which nothing came
        return newest

    def save(self, cursor: Cursor) -> None:
        if self.file is not None:
            self.file.save(cursor)


async def _save_files(client: Client, session: str, folder: Path, position: _Position) -> None:
    """Save each file that becomes ready. One that cannot be saved is reported, and `wa media get` gets it later."""
    import httpx

    from bridge.cli.saved_files import FileNotSaved, file_name, save

    async with httpx.AsyncClient(trust_env=False, timeout=60) as web:
        async for event in client.events(session, after=await position.begin(client, session)):
            if event.kind == "media" and event.state == "ready" and event.url and event.sha256:
                try:
                    name = file_name(event.sha256, event.filename, event.mimetype)
                    await save(web, event.url, folder / name, event.sha256)
                except FileNotSaved as error:
                    typer.echo(error.text, err=True)
            position.save(event.cursor)


async def _print_json(client: Client, session: str, position: _Position) -> None:
    async for message in client.messages(session, after=await position.begin(client, session)):
        print_json_line(message.to_json())
        position.save(message.cursor)


async def _print_conversations(client: Client, session: str, position: _Position) -> None:
    out = console()

    async def received() -> None:
        async for message in client.messages(session, after=await position.begin(client, session)):
            print_message(out, message, own=False)
            position.save(message.cursor)

    async def own() -> None:
        async for event in client.events(session, after="now"):
            if event.message is not None:
                print_message(out, event.message, own=True)
            elif event.kind in _DONE:
                print_act(out, event)

    async def states() -> None:
        shown = None
        async for status in client.watch_status(session):
            if (status.state, status.reason) != shown:
                shown = status.state, status.reason
                out.print(
                    f"{clock_time(status.at)}  {session} is {status.state}: {one_line(status.text)}",
                    style="dim",
                    markup=False,
                    highlight=False,
                )

    async with asyncio.TaskGroup() as tasks:
        for name, part in (("states", states()), ("messages", received()), ("own messages", own())):
            tasks.create_task(part, name=f"listen {name}")


def print_message(out: Console, message: MessageBody, *, own: bool) -> None:
    from rich.text import Text

    from bridge.contract.payload import instant

    line = Text()
    line.append(clock_time(instant(message.timestamp)), style="dim")
    if own:
        line.append(f"  you → {short_address(message.chat)}", style="bold cyan")
    else:
        number, name = short_address(message.from_pn or message.author), one_line(message.notify_name or "")
        line.append(f"  {name or number}", style="bold green")
        group = f" in {short_address(message.chat)}" if message.author != message.chat else ""
        line.append(f"{f' {number}' if name else ''}{group}", style="dim")
    if message.late:
        line.append("  (late)", style="dim")
    first, *others = _rows(out, printable(_said(message)), line.cell_len + 2)
    for row in (line.append(f"  {first}"), *(Text(f"{_MARGIN}{other}") for other in others)):
        out.print(row, highlight=False)


_CALLS = {"offered": "is calling", "missed": "called in vain", "rejected": "called and was rejected"}
#: What people do besides writing, as a line for people.
_DONE: dict[str, Callable[[EventBody], str]] = {
    "reaction": lambda event: f"reacted {event.emoji}" if event.emoji else "took a reaction back",
    "edit": lambda event: f"edited a message: {event.body}",
    "revoke": lambda _: "deleted a message",
    "call": lambda event: f"{_CALLS.get(event.action or '', 'called')}{' (video)' if event.video else ''}",
    "presence": lambda event: f"is {event.presence}",
    "poll_vote": lambda event: f"voted: {', '.join(event.selected)}" if event.selected else "withdrew a vote",
    "group": lambda event: f"changed the group: {_change(event)}",
}


def _change(event: EventBody) -> str:
    people = [short_address(one.from_pn or one.from_lid or "") for one in event.people or ()]
    return " ".join(filter(None, (event.action, event.subject, ", ".join(people))))


def print_act(out: Console, event: EventBody) -> None:
    from rich.text import Text

    line = Text()
    line.append(clock_time(event.at), style="dim")
    actor = "you" if _is_own(event) else short_address(_actor(event) or event.from_pn or event.chat or "")
    line.append(f"  {actor}", style="bold cyan" if actor == "you" else "bold green")
    line.append(f" in {short_address(event.chat or '')}", style="dim")
    first, *others = _rows(out, printable(_DONE[event.kind](event)), line.cell_len + 2)
    for row in (line.append(f"  {first}", style="italic"), *(Text(f"{_MARGIN}{other}") for other in others)):
        out.print(row, highlight=False)


def _actor(event: EventBody) -> str | None:
    return event.author or event.by


def _is_own(event: EventBody) -> bool:
    """Whether this account acted on a message: an event names the other side of its chat, or the author in a group,
    and where it names no actor, it is the author of the message who acted."""
    if event.message_id is None:
        return False
    if (actor := _actor(event)) is None:
        return event.message_id.startswith("true_")
    return actor not in (event.from_pn, event.from_lid, event.chat)


def _rows(out: Console, said: str, begun: int) -> list[str]:
    """The text in rows, of which all but the first follow a margin: none can be taken for the begin of a message.

    On a terminal no row is wider than it, `begun` columns of the first one being used: it would wrap without a margin.
    """
    lines = said.expandtabs(4).split("\n")
    if not out.is_terminal:
        return lines
    from rich.cells import cell_len, chop_cells

    width = max(out.width - len(_MARGIN), 20)
    rows = [row for line in lines for row in chop_cells(line, width) or [""]]
    return rows if begun + cell_len(rows[0]) <= out.width else ["", *rows]


def _said(message: MessageBody) -> str:
    """Its text, after the name of its kind unless that is text; without a text, the title that it has."""
    from bridge.contract.kinds import BY_NAME

    kind = BY_NAME.get(message.kind or message.type)
    if kind is None or kind.is_text:
        return message.body if kind else f"[{message.type}] {message.body}"
    field, part = kind.title or ("", "")
    title = getattr(getattr(message, field, None), part, None)
    return f"[{kind.noun.en}] {message.body or title or ''}".rstrip()


def short_address(address: str) -> str:
    """A person's number; the whole address of any other chat."""
    from bridge.contract.errors import InvalidRequest
    from bridge.contract.jid import Jid

    try:
        jid = Jid.parse(address)
    except InvalidRequest:
        return address
    return jid.user if jid.is_user else str(jid)
