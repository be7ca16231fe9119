"""`wa request`: carry out an action that is not a message."""

from __future__ import annotations

import json as json_format
from typing import Annotated, Any

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, fail, print_json_line, run


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(request)


def request(
    action: Annotated[str | None, typer.Argument(help="The action; without one, the actions are listed.")] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its arguments: name=value. A value is JSON, or else text.")
    ] = None,
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait.")] = 30,
    json: Annotated[bool, typer.Option("--json", help="The response as a JSON line.")] = False,
) -> None:
    """Carry out an action that is not a message, and print its data.

    wa request typing to=5491155500001 seconds=10
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.contract.requests import REQUESTS

        out = console()
        if action is None:
            for known in REQUESTS:
                out.print(f"{known.model_fields['action'].default}: {known.summary}", highlight=False)
            return Exit.OK
        async with connect_session(session, "request") as connected:
            response = await connected.client.request(
                connected.session, action, timeout=timeout, **dict(map(_argument, arguments or ()))
            )
        if json:
            print_json_line(response.to_json())
        elif response.data is not None:
            out.print_json(data=response.data)
        if response.error is not None:
            fail(response.error.text)
        return {"done": Exit.OK, "unknown": Exit.UNKNOWN}.get(response.status, Exit.FAILED)

    run(command)


def _argument(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not name=value.")
    try:
        return name, json_format.loads(value)
    except ValueError:
        return name, value
