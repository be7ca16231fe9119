"""`wa backup`: writes a session's store and login to one file, whether the bridge runs or not."""

from __future__ import annotations

import asyncio
import json as json_format
import re
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run
from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.client import Client
    from bridge.ops.backup import BackupResult


class SessionStaysClosed(CodedError):
    """The bridge did not reopen the session."""

    code = "session_stays_closed"


#: Seconds within which a bridge must close a session's browser, or reopen it.
PAUSE_LIMIT = 60.0
#: Seconds after which the bridge reopens the session on its own if this command is killed. A copy that takes longer is
#: safe: the browser waits for the profile's lock.
REOPEN_AFTER = 120


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(backup)


def backup(
    session: Annotated[str | None, typer.Option(help="The first one by default.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write, or a folder for a file named by session and time.",
            show_default=False,
        ),
    ] = None,
    store_only: Annotated[
        bool, typer.Option("--store-only", help="Leave out the login: the session stays connected.")
    ] = False,
    media: Annotated[bool, typer.Option("--media", help="Include the files of messages, received and sent.")] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Afterwards delete all but the newest N backups of this session in that folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """Back up a session, with webhooks, keys and conversations. Run it where the bridge runs, as the same user.

    A connected session is closed for the seconds that copying the login takes; messages that arrive meanwhile are
    caught up. The file gives access to the messages and the login: protect it like a password.
    """
    run(lambda: _run_until_sigterm(session, output, store_only=store_only, media=media, keep=keep, json=json))


async def _run_until_sigterm(
    session: str | None, output: Path | None, *, store_only: bool, media: bool, keep: int | None, json: bool
) -> Exit:
    """SIGTERM (a systemd timeout) must not leave the session closed."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    backing_up = _backup(session, output, store_only=store_only, media=media, keep=keep, json=json)
    working = asyncio.create_task(backing_up, name="backup")

    def stop() -> None:
        stopped.set()
        working.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await working
    except asyncio.CancelledError:
        if stopped.is_set():
            return Exit.INTERRUPTED
        working.cancel()
        await asyncio.wait([working])
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def _backup(
    session: str | None, output: Path | None, *, store_only: bool, media: bool, keep: int | None, json: bool
) -> Exit:
    from datetime import UTC, datetime
    from importlib.metadata import version

    from bridge.app.media import media_store
    from bridge.cli.paths import configured_session, load_running, shared_databases
    from bridge.drivers import driver_kind
    from bridge.ops.backup import create_backup
    from bridge.ops.backup.paths import timestamp
    from bridge.ops.releases import DISTRIBUTION

    settings = load_running()
    name, now = configured_session(settings, session), datetime.now(UTC)
    target = archive_path(output, settings.data_dir / "backups", f"{name}-{timestamp(now)}.tar.gz")
    result = await create_backup(
        settings.session_dir(name),
        name,
        target,
        bridge=version(DISTRIBUTION),
        now=now,
        pause=lambda: _session_closed(name),
        login=None if store_only else driver_kind(settings.driver).login,
        shared=shared_databases(settings),
        media=media_store(settings, beside_a_bridge=True) if media else None,
    )
    removed = _rotate(target, name, keep) if keep and not result.skipped else []
    _print_result(result, removed, json=json)
    return Exit.FAILED if result.skipped else Exit.OK


def archive_path(output: Path | None, default: Path, name: str) -> Path:
    """Where to write an archive: `output`, or `name` in that folder or the default. Raises ValueError if it exists."""
    target = default / name if output is None else output / name if output.is_dir() else output
    if target.exists():
        raise ValueError(f"{target} exists: choose another file.")
    return target


@asynccontextmanager
async def _session_closed(session: str, reopen_after: int = REOPEN_AFTER) -> AsyncIterator[None]:
    """Have the running bridge close the session's browser inside the block, and reopen it in any case."""
    from bridge.cli.connect import connect_session

    async with connect_session(session, "backup") as connected:
        await _close(connected.client, session, reopen_after)
        try:
            yield
        finally:
            await asyncio.shield(_reopen(connected.client, session))


async def _close(client: Client, session: str, reopen_after: int) -> None:
    from bridge.ops.backup import SessionInUse

    try:
        await _control(client, session, "close", reopen_after=reopen_after)
    except CodedError as error:
        with suppress(CodedError):  # in case it is still carried out
            await _control(client, session, "init", timeout=2)
        raise SessionInUse(
            f"A bridge uses session {session} and did not close it: {error.text} Stop the bridge, or use --store-only."
        ) from error
    except asyncio.CancelledError:
        await asyncio.shield(_reopen(client, session))
        raise


async def _reopen(client: Client, session: str) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + PAUSE_LIMIT
    while True:
        try:
            return await _control(client, session, "init")
        except CodedError as error:
            if loop.time() > until:
                raise SessionStaysClosed(
                    f"Session {session} was closed for the backup and could not be reopened: {error.text}"
                    f' Publish {{"action":"init"}} to its control topic.'
                ) from error
        await asyncio.sleep(1)


async def _control(
    client: Client, session: str, action: str, *, reopen_after: int | None = None, timeout: float = PAUSE_LIMIT
) -> None:
    """Send a control command. Raises CodedError if it fails."""
    async for result in client.control(session, action, reopen_after=reopen_after, timeout=timeout):
        if result.status == "failed":
            raise CodedError(result.error.text if result.error else f"{action} failed.")


def _rotate(newest: Path, session: str, keep: int) -> list[Path]:
    """Delete the oldest of this session's backups beside `newest`; files with other names stay."""
    pattern = re.compile(re.escape(session) + r"-\d{8}T\d{6}Z\.tar\.gz")
    backups = sorted(file for file in newest.parent.iterdir() if pattern.fullmatch(file.name))
    outdated = backups[:-keep]
    for file in outdated:
        file.unlink()
    return outdated


def _print_result(result: BackupResult, removed: list[Path], *, json: bool) -> None:
    manifest = result.manifest
    if json:
        fields = {
            "file": str(result.path),
            "size": result.size,
            "session": manifest.session,
            "epoch": manifest.epoch,
            "created_at": manifest.created_at,
            "profile": manifest.has_profile,
            "files": manifest.media,
            "shared": [Path(name).name for name in manifest.files if name.startswith("shared/")],
            "paused": result.paused,
            "lacking": result.skipped,
            "removed": [str(path) for path in removed],
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    what = "store and login" if manifest.has_profile else "store only, without the login"
    out.print(f"[green]✓[/] {result.path} ({result.size / 1e6:.1f} MB): {what} of {manifest.session}", highlight=False)
    if manifest.media:
        out.print(f"  With {manifest.media:,} files of messages.", highlight=False)
    if result.paused is not None:
        out.print(f"  The session was closed for {result.paused:.1f} s and is connecting again.", highlight=False)
    for name, why in result.skipped.items():
        out.print(f"[yellow]![/] {name} is not included: {why}", highlight=False)
    for path in removed:
        out.print(f"  Removed {path}.", highlight=False)
