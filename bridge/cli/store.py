"""`wa store reset`: starts over with an empty store, on request only. A bridge never does that on its own."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

store = typer.Typer(name="store", help="A session's store: its journal and its outbox.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(store)


@store.command(epilog=EXIT_HELP)
def reset(
    session: Annotated[str | None, typer.Option(help="The first one by default.")] = None,
    kept_only: Annotated[
        bool, typer.Option("--kept-only", help="Only stores that were kept as damaged; the current one stays.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes.")] = False,
) -> None:
    """Set a session's store aside (even a damaged one), so that the next start creates an empty one.

    The login stays. Nothing is deleted. Messages that arrived while the bridge was offline then count as history and
    are not published; restoring a backup (`wa restore`) would publish them.
    """

    async def command() -> Exit:
        from datetime import UTC, datetime

        from bridge.cli.paths import as_run, configured_session, confirm
        from bridge.drivers import driver_kind
        from bridge.ops.backup import reset_store, stores_to_move
        from bridge.settings import load

        settings = as_run(load())
        name = configured_session(settings, session)
        folder = settings.session_dir(name)
        found = stores_to_move(folder, kept_only=kept_only)
        if found:
            names = ", ".join(path.name for path in found)
            confirm(f"Move {names} out of {folder}?", yes=yes, json=json)
        moved = reset_store(
            folder, name, now=datetime.now(UTC), kept_only=kept_only, login=driver_kind(settings.driver).login
        )
        if json:
            fields = {"session": name, "folder": str(moved.folder), "moved": [path.name for path in moved.files]}
            print_json_line(json_format.dumps(fields))
        elif moved.files:
            console().print(f"[green]✓[/] {', '.join(p.name for p in moved.files)} → {moved.folder}", highlight=False)
        else:
            console().print(f"No store to move in {folder}.", highlight=False)
        return Exit.OK

    run(command)
