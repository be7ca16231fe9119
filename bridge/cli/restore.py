"""`wa restore`: replaces a session's store and login with a backup."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bridge.ops.backup import RestoreResult, VerificationResult


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(restore)


def restore(
    file: Annotated[Path, typer.Argument(help="A file written by `wa backup`; with --check also a folder.")],
    session: Annotated[
        str | None, typer.Option(help="Restore as this session; by default the one in the backup.")
    ] = None,
    store_only: Annotated[bool, typer.Option("--store-only", help="Do not replace the login.")] = False,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared", help="Also replace webhooks, keys, audit log and conversations, which all sessions share."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only verify, in a temporary folder. Of a folder: its newest backup by `deploy/backup`."
        ),
    ] = False,
    max_age: Annotated[
        int, typer.Option(min=1, help="Age in days at which --check reports a folder's newest backup as too old.")
    ] = 2,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes.")] = False,
) -> None:
    """Restore a session from a backup, while its bridge is stopped. The replaced files are kept in a folder.

    The session starts a new epoch: messages journalled after the backup and still on the phone are published again.
    Commands that were open become `unknown`. A login that was used after the backup may have to be paired again.
    Webhooks, keys and conversations are restored where none exist.

    --check restores nothing and needs no settings: exit code 1 and one sentence per fault of the backup.
    """
    if check:
        verification = _check_folder(file, max_age) if file.is_dir() else _check_file(file)
        run(lambda: _print_verification(verification, json=json))

    async def command() -> Exit:
        import time
        from datetime import UTC, datetime

        from bridge.app.media import media_store
        from bridge.cli.paths import as_run, configured_session, confirm
        from bridge.drivers import driver_kind
        from bridge.ops.backup import read_manifest, restore_backup
        from bridge.settings import load

        settings = as_run(load())
        manifest = read_manifest(file)
        name = configured_session(settings, session or manifest.session)
        what = "Its store is" if store_only or not manifest.has_profile else "Store and login are"
        also = " So are webhooks, keys and conversations of all sessions." if shared else ""
        confirm(f"Restore {name} as of {manifest.created_at}? {what} replaced.{also}", yes=yes, json=json)
        result = await restore_backup(
            file,
            settings.session_dir(name),
            name,
            now=datetime.now(UTC),
            clock=time.time,
            data_dir=settings.data_dir,
            login=driver_kind(settings.driver).login,
            with_login=not store_only,
            replace_shared=shared,
            media=media_store(settings, beside_a_bridge=True) if manifest.media else None,
        )
        _print_result(result, name, json=json)
        return Exit.OK

    run(command)


async def _check_folder(folder: Path, max_age: int) -> VerificationResult:
    from datetime import UTC, datetime, timedelta

    from bridge.ops.backup import check_folder, newest_backup

    return await check_folder(newest_backup(folder), now=datetime.now(UTC), max_age=timedelta(days=max_age))


async def _check_file(archive: Path) -> VerificationResult:
    from datetime import UTC, datetime

    from bridge.ops.backup import check_file

    return await check_file(archive, now=datetime.now(UTC))


async def _print_verification(verification: Awaitable[VerificationResult], *, json: bool) -> Exit:
    result = await verification
    if json:
        fields = {"backup": str(result.path), "sessions": result.sessions, "faults": result.faults}
        print_json_line(json_format.dumps(fields))
    else:
        typer.echo(printable(str(result)), err=bool(result.faults))
    return Exit.FAILED if result.faults else Exit.OK


def _print_result(result: RestoreResult, session: str, *, json: bool) -> None:
    if json:
        fields = {
            "session": session,
            "epoch": result.epoch,
            "from_epoch": result.manifest.epoch,
            "created_at": result.manifest.created_at,
            "unknown": result.unknown,
            "files": result.files,
            "kept": str(result.kept) if result.kept else None,
            "shared": list(result.shared.restored),
            "shared_left": list(result.shared.unchanged),
            "shared_kept": str(result.shared_kept) if result.shared_kept else None,
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    out.print(
        f"[green]✓[/] {session} restored as of {result.manifest.created_at}, epoch {result.epoch}.", highlight=False
    )
    if result.unknown:
        out.print(f"  {result.unknown} commands were open at that time: their result is unknown.", highlight=False)
    for folder in filter(None, (result.kept, result.shared_kept)):
        out.print(f"  The replaced files are in {folder}.", highlight=False)
    if result.shared.restored:
        out.print(f"  Also restored: {', '.join(result.shared.restored)}.", highlight=False)
    if result.shared.unchanged:
        out.print(
            f"  Not replaced: {', '.join(result.shared.unchanged)}; use --shared to replace them.", highlight=False
        )
    out.print("  Start the bridge, if it does not run.", highlight=False)
