"""`wa backup`: a session's store and login in one file, taken of a running bridge or of a stopped one."""

from __future__ import annotations

import asyncio
import json as json_format
import re
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit
from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.client import Client
    from bridge.ops.backup import Saved


class SessionStaysClosed(CodedError):
    """The bridge did not open the session again."""

    code = "session_stays_closed"


#: Seconds in which a bridge must have closed a session's browser, or opened it again.
PAUSE_LIMIT = 60.0
#: Seconds after which the bridge opens the session by itself, should we be killed. A copy that takes longer is safe:
#: the browser waits for the profile's lock.
REOPEN_AFTER = 120


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(backup)


def backup(
    session: Annotated[str | None, typer.Option(help="The first of WA_SESSIONS by default.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File, or folder for a file named by session and time.", show_default=False
        ),
    ] = None,
    store_only: Annotated[
        bool, typer.Option("--store-only", help="Without the login: the session stays connected meanwhile.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Afterwards remove all but the newest so many of this session there.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON line.")] = False,
) -> None:
    """Back up a session, with listeners, keys and conversations. Run it where the bridge runs, as the same user.

    A connected session is away for the seconds that the login takes to copy; what arrives meanwhile is caught up.
    Whoever has the file can read the messages and use the login: keep it as you keep a password.
    """
    from bridge.cli.service import run

    run(lambda: _stopped_by_sigterm(session, output, store_only=store_only, keep=keep, json=json))


async def _stopped_by_sigterm(
    session: str | None, output: Path | None, *, store_only: bool, keep: int | None, json: bool
) -> Exit:
    """SIGTERM (a timer's time-out) must not leave the session closed."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    working = asyncio.create_task(_backup(session, output, store_only=store_only, keep=keep, json=json), name="backup")

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


async def _backup(session: str | None, output: Path | None, *, store_only: bool, keep: int | None, json: bool) -> Exit:
    from datetime import UTC, datetime
    from importlib.metadata import version

    from bridge.app.bridge import DISTRIBUTION
    from bridge.cli.paths import configured, shared_databases
    from bridge.ops.backup import save
    from bridge.ops.backup.paths import stamp
    from bridge.settings import load

    settings = load()
    name, now = configured(settings, session), datetime.now(UTC)
    target = _target(output, settings.data_dir / "backups", f"{name}-{stamp(now)}.tar.gz")
    saved = await save(
        settings.session_dir(name),
        name,
        target,
        bridge=version(DISTRIBUTION),
        now=now,
        pause=lambda: _paused(name),
        with_profile=not store_only,
        shared=shared_databases(settings),
    )
    removed = _rotate(target, name, keep) if keep and not saved.lacking else []
    _tell(saved, removed, json=json)
    return Exit.FAILED if saved.lacking else Exit.OK


def _target(output: Path | None, usual: Path, name: str) -> Path:
    target = usual / name if output is None else output / name if output.is_dir() else output
    if target.exists():
        raise ValueError(f"{target} exists: name another file.")
    return target


@asynccontextmanager
async def _paused(session: str) -> AsyncIterator[None]:
    """Have the running bridge close the session's browser, and open it again whatever happens meanwhile."""

    from bridge.cli.connect import join

    async with join(session, "backup") as joined:
        await _close(joined.client, session)
        try:
            yield
        finally:
            await asyncio.shield(_reopen(joined.client, session))


async def _close(client: Client, session: str) -> None:
    from bridge.ops.backup import SessionInUse

    try:
        await _ask(client, session, "close", reopen_after=REOPEN_AFTER)
    except CodedError as error:
        with suppress(CodedError):  # in case it is carried out yet
            await _ask(client, session, "init", timeout=2)
        raise SessionInUse(
            f"A bridge uses session {session} and does not close it when asked: {error.text}"
            " Stop the bridge, or use --store-only."
        ) from error
    except asyncio.CancelledError:
        await asyncio.shield(_reopen(client, session))
        raise


async def _reopen(client: Client, session: str) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + PAUSE_LIMIT
    while True:
        try:
            return await _ask(client, session, "init")
        except CodedError as error:
            if loop.time() > until:
                raise SessionStaysClosed(
                    f"Session {session} was closed for the backup and could not be opened again: {error.text}"
                    f' Publish {{"action":"init"}} to its control topic.'
                ) from error
        await asyncio.sleep(1)


async def _ask(
    client: Client, session: str, action: str, *, reopen_after: int | None = None, timeout: float = PAUSE_LIMIT
) -> None:
    """Raises CodedError when it is not done."""
    async for result in client.control(session, action, reopen_after=reopen_after, timeout=timeout):
        if result.status == "failed":
            raise CodedError(result.error.text if result.error else f"{action} failed.")


def _rotate(newest: Path, session: str, keep: int) -> list[Path]:
    """Remove the oldest of this session's backups beside `newest`; those with names of one's own stay."""
    named = re.compile(re.escape(session) + r"-\d{8}T\d{6}Z\.tar\.gz")
    ours = sorted(file for file in newest.parent.iterdir() if named.fullmatch(file.name))
    doomed = ours[:-keep]
    for file in doomed:
        file.unlink()
    return doomed


def _tell(saved: Saved, removed: list[Path], *, json: bool) -> None:
    from bridge.cli.run import console, print_json_line

    manifest = saved.manifest
    if json:
        fields = {
            "file": str(saved.path),
            "size": saved.size,
            "session": manifest.session,
            "epoch": manifest.epoch,
            "created_at": manifest.created_at,
            "profile": manifest.has_profile,
            "shared": [Path(name).name for name in manifest.files if name.startswith("shared/")],
            "paused": saved.paused,
            "lacking": saved.lacking,
            "removed": [str(path) for path in removed],
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    what = "store and login" if manifest.has_profile else "store only, without the login"
    out.print(f"[green]✓[/] {saved.path} ({saved.size / 1e6:.1f} MB): {what} of {manifest.session}", highlight=False)
    if saved.paused is not None:
        out.print(f"  The session was closed for {saved.paused:.1f} s and is connecting again.", highlight=False)
    for name, why in saved.lacking.items():
        out.print(f"[yellow]![/] {name} is not in it: {why}", highlight=False)
    for path in removed:
        out.print(f"  Removed {path}.", highlight=False)
