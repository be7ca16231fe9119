"""`wa request`: carry out an action that is not a message."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from bridge.cli.bar import counted
from bridge.cli.run import EXIT_HELP, Exit, console, fail, print_json_line, run


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(request)


def request(
    action: Annotated[str | None, typer.Argument(help="The action; without one, the actions are listed.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Its arguments: name=value. Text, or JSON where the action takes another type; a list also as a,b,c; a"
            " picture as the path of a file."
        ),
    ] = None,
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait, or without progress.")] = 30,
    json: Annotated[bool, typer.Option("--json", help="The response as a JSON line.")] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="The list in its data as CSV: members, contacts, outcomes.")
    ] = False,
) -> None:
    """Carry out an action that is not a message, and print its data. One that takes long shows how far it is.

    wa request typing to=5491155500001 seconds=10
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.cli.csv_table import csv_of
        from bridge.contract.requests import REQUESTS

        out = console()
        if action is None:
            for known in REQUESTS:
                out.print(f"{known.model_fields['action'].default}: {known.summary}", highlight=False)
            return Exit.OK
        async with connect_session(session, "request") as connected:
            with counted(action) as show:
                response = await connected.client.request(
                    connected.session,
                    action,
                    await _arguments(action, arguments or ()),
                    timeout=timeout,
                    on_progress=lambda progress: show(progress.done, progress.total),
                )
        if json:
            print_json_line(response.to_json())
        elif csv and (table := csv_of(action, response.data)) is not None:
            sys.stdout.write(table)
        elif response.data is not None:
            out.print_json(data=response.data)
        if response.error is not None:
            fail(response.error.text)
        return {"done": Exit.OK, "unknown": Exit.UNKNOWN}.get(response.status, Exit.FAILED)

    run(command)


async def _arguments(action: str, texts: Sequence[str]) -> dict[str, Any]:
    """The arguments as JSON. Text where the action takes text: a phone number is not a number. A picture may be a file.

    Raises `InvalidRequest`, and what the upload of a large file raises.
    """
    from bridge.cli.file_upload import fields_of
    from bridge.contract.requests import BY_ACTION, Picture

    fields = BY_ACTION[action].model_fields if action in BY_ACTION else {}
    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise typer.BadParameter(f"{text!r} is not name=value.")
        kind = fields[name].annotation if name in fields else None
        if Picture in get_args(kind) and not value.lstrip().startswith("{"):
            found[name] = {"url": value} if value.startswith(("http://", "https://")) else await fields_of(Path(value))
            continue
        is_list = list in (get_origin(kind), *map(get_origin, get_args(kind)))
        found[name] = value if str in (kind, *get_args(kind)) and not is_list else _json(value)
        if is_list and not isinstance(found[name], list):
            found[name] = [part.strip() for part in value.split(",")]
    return found


def _json(text: str) -> Any:
    try:
        return json_format.loads(text)
    except ValueError:
        return text
