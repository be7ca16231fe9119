"""`wa restore`: a backup in the place of a session's store and login."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bridge.ops.backup import Checked, Restored


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(restore)


def restore(
    file: Annotated[Path, typer.Argument(help="What `wa backup` wrote; with --check also a folder.")],
    session: Annotated[str | None, typer.Option(help="Restore as this session; by default as the one saved.")] = None,
    store_only: Annotated[bool, typer.Option("--store-only", help="Leave the login as it is.")] = False,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared", help="Exchange listeners, keys, audit log and conversations, too: they are of all sessions."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only try it, in a scratch folder. A folder: the newest backup of `deploy/backup` in it."
        ),
    ] = False,
    max_age: Annotated[
        int, typer.Option(min=1, help="Days after which --check finds the newest backup of a folder too old.")
    ] = 2,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes.")] = False,
) -> None:
    """Restore a session from a backup, while its bridge is stopped. What is there now is kept beside.

    Readers start a new epoch: what was journalled after the backup and is still on the phone is published again.
    Commands that were open become `unknown`. A login that was used after the backup may have to be paired again.
    Listeners, keys and conversations of the backup are put in place where there are none.

    --check restores nothing and needs no settings: exit code 1 and a sentence for each fault of the backup.
    """
    from bridge.cli.service import run

    if check:
        trial = _check_folder(file, max_age) if file.is_dir() else _check_file(file)
        run(lambda: _tried(trial, json=json))

    async def command() -> Exit:
        import time
        from datetime import UTC, datetime

        from bridge.cli.paths import agreed, configured
        from bridge.ops.backup import read_manifest
        from bridge.ops.backup import restore as put_back
        from bridge.settings import load

        settings = load()
        manifest = read_manifest(file)
        name = configured(settings, session or manifest.session)
        what = "Its store is" if store_only or not manifest.has_profile else "Store and login are"
        also = " So are listeners, keys and conversations of all sessions." if shared else ""
        agreed(f"Restore {name} as it was at {manifest.created_at}? {what} exchanged.{also}", yes=yes, json=json)
        done = await put_back(
            file,
            settings.session_dir(name),
            name,
            now=datetime.now(UTC),
            clock=time.time,
            data_dir=settings.data_dir,
            with_profile=not store_only,
            exchange_shared=shared,
        )
        _tell(done, name, json=json)
        return Exit.OK

    run(command)


async def _check_folder(place: Path, max_age: int) -> Checked:
    from datetime import UTC, datetime, timedelta

    from bridge.ops.backup import check_folder, newest

    return await check_folder(newest(place), now=datetime.now(UTC), max_age=timedelta(days=max_age))


async def _check_file(archive: Path) -> Checked:
    from datetime import UTC, datetime

    from bridge.ops.backup import check_file

    return await check_file(archive, now=datetime.now(UTC))


async def _tried(trial: Awaitable[Checked], *, json: bool) -> Exit:
    from bridge.cli.run import print_json_line

    checked = await trial
    if json:
        fields = {"backup": str(checked.place), "sessions": checked.sessions, "faults": checked.faults}
        print_json_line(json_format.dumps(fields))
    else:
        typer.echo(str(checked), err=bool(checked.faults))
    return Exit.FAILED if checked.faults else Exit.OK


def _tell(done: Restored, session: str, *, json: bool) -> None:
    from bridge.cli.run import console, print_json_line

    if json:
        fields = {
            "session": session,
            "epoch": done.epoch,
            "from_epoch": done.manifest.epoch,
            "created_at": done.manifest.created_at,
            "unknown": done.unknown,
            "kept": str(done.kept) if done.kept else None,
            "shared": list(done.shared.placed),
            "shared_left": list(done.shared.left),
            "shared_kept": str(done.shared_kept) if done.shared_kept else None,
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    out.print(f"[green]✓[/] {session} is as it was at {done.manifest.created_at}; epoch {done.epoch}.", highlight=False)
    if done.unknown:
        out.print(f"  {done.unknown} commands were open then: their result is unknown.", highlight=False)
    for folder in filter(None, (done.kept, done.shared_kept)):
        out.print(f"  What was there before is in {folder}.", highlight=False)
    if done.shared.placed:
        out.print(f"  Put in place, too: {', '.join(done.shared.placed)}.", highlight=False)
    if done.shared.left:
        out.print(f"  Left as of today: {', '.join(done.shared.left)}; --shared exchanges that, too.", highlight=False)
    out.print("  Start the bridge.", highlight=False)
