"""`wa search`: finds messages by their text."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import one_line, printable
from bridge.cli.listen import short_address
from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from rich.text import Text

    from bridge.contract.search_answers import SearchHit


class Direction(StrEnum):
    """Which side wrote a message."""

    IN = "in"
    OUT = "out"


_AGO = re.compile(r"([0-9]{1,5})([hd])")
_UNITS = {"h": "hours", "d": "days"}
_TIME_HELP = "2026-01-31, 2026-01-31T15:30 (both here), 2026-01-31T15:30-03:00, or ago: 12h, 7d."
#: Messages of one request.
_PAGE = 100


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(search)


def search(
    text: Annotated[list[str], typer.Argument(help="Words that a message has; the last one may be a beginning.")],
    chat: Annotated[str | None, typer.Option(help="Number or address of a chat; default all.")] = None,
    since: Annotated[str | None, typer.Option(help=f"Messages of this time and later: {_TIME_HELP}")] = None,
    until: Annotated[str | None, typer.Option(help="Messages before this time.")] = None,
    direction: Annotated[Direction | None, typer.Option(help="in: received only; out: own ones only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum messages.")] = 20,
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one per message.")] = False,
) -> None:
    """Find messages by their text, newest first; without accents and case, received and own ones.

    wa search factura marzo --chat 5491155500001 --since 30d
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session

        now = datetime.now().astimezone()
        begins, ends = (None if one is None else past(one, now) for one in (since, until))
        left, after, complete = limit, None, True
        async with connect_session(session, "search") as connected:
            while left:
                page = await connected.client.search(
                    *(connected.session, " ".join(text)),
                    chat=chat,
                    since=begins,
                    until=ends,
                    direction=direction,
                    after=after,
                    limit=min(left, _PAGE),
                )
                complete = page.complete
                for hit in page.hits:
                    if json:
                        print_json_line(hit.to_json())
                    else:
                        console().print(_line(hit), highlight=False)
                left, after = left - len(page.hits), page.next
                if after is None:
                    break
        if not complete:
            typer.echo("The journal is still being indexed: older messages may be missing. Try again later.", err=True)
        if left == limit and not json:
            typer.echo("No message has these words.", err=True)
        return Exit.OK

    run(command)


def past(text: str, now: datetime) -> datetime:
    """A time that a person typed; `now` has the time zone. Raises `InvalidRequest`."""
    from bridge.contract.errors import InvalidRequest

    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidRequest(f"{text[:40]!r} is no time. Write {_TIME_HELP}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def _line(hit: SearchHit) -> Text:
    from rich.text import Text

    from bridge.contract.payload import instant

    line = Text()
    line.append(f"{instant(hit.timestamp).astimezone():%Y-%m-%d %H:%M}", style="dim")
    chat = short_address(hit.chat)
    if hit.from_me:
        line.append(f"  you → {chat}", style="bold cyan")
    else:
        line.append(f"  {one_line(hit.notify_name or '') or short_address(hit.author)}", style="bold green")
        line.append(f"  {chat}", style="dim")
    line.append("  ")
    for piece in hit.snippet:
        line.append(re.sub(r"\s", " ", printable(piece.text)), style="bold reverse" if piece.found else "")
    return line
