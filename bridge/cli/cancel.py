"""`wa cancel`: takes back a send that has not left."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, exit_of_code, fail, print_json_line, run


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(cancel)


def cancel(
    command_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the send, as `wa send` prints it.")],
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait.")] = 30,
    json: Annotated[bool, typer.Option("--json", help="The result as a JSON line.")] = False,
) -> None:
    """Take back a send that has not left: one that is scheduled, or waits. Exit code 0 if it is cancelled.

    One that is being sent or was sent stays as it is, and is shown.
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.contract.errors import Cancelled

        async with connect_session(session, "cancel") as connected:
            result = await connected.client.cancel(connected.session, command_id, timeout=timeout)
        if json:
            print_json_line(result.to_json())
        code = None if result.error is None else result.error.code
        if code == Cancelled.code:
            if not json:
                console().print(f"cancelled · id {result.id}", markup=False, highlight=False)
            return Exit.OK
        if result.error is not None:
            fail(result.error.text)
            return exit_of_code(result.error.code)
        state = "being sent" if result.status == "accepted" else str(result.status)
        fail(f"Too late to cancel {result.id}: it is {state}.")
        return Exit.FAILED

    run(command)
