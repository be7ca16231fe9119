"""`wa store reset`: begin with an empty store, knowingly. A bridge never does that by itself."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

store = typer.Typer(
    name="store", help="A session's store: what was journalled, and what is to be sent.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.add_typer(store)


@store.command(epilog=EXIT_HELP)
def reset(
    session: Annotated[str | None, typer.Option(help="The first of WA_SESSIONS by default.")] = None,
    kept_only: Annotated[
        bool, typer.Option("--kept-only", help="Only those that were kept aside as damaged; the present one stays.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes.")] = False,
) -> None:
    """Move a session's store away, damaged ones too, so that the next start begins with an empty one.

    The login stays. Nothing is deleted. What came while the bridge was away is then history and is not published;
    a backup (`wa restore`) does not lose it.
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from datetime import UTC, datetime

        from bridge.cli.paths import agreed, configured
        from bridge.cli.run import console, print_json_line
        from bridge.ops.backup import move_away, to_move_away
        from bridge.settings import load

        settings = load()
        name = configured(settings, session)
        folder = settings.session_dir(name)
        found = to_move_away(folder, kept_only=kept_only)
        if found:
            names = ", ".join(path.name for path in found)
            agreed(f"Move {names} out of {folder}?", yes=yes, json=json)
        moved = move_away(folder, name, now=datetime.now(UTC), kept_only=kept_only)
        if json:
            fields = {"session": name, "folder": str(moved.folder), "moved": [path.name for path in moved.files]}
            print_json_line(json_format.dumps(fields))
        elif moved.files:
            console().print(f"[green]✓[/] {', '.join(p.name for p in moved.files)} → {moved.folder}", highlight=False)
        else:
            console().print(f"There is no store to move in {folder}.", highlight=False)
        return Exit.OK

    run(command)
