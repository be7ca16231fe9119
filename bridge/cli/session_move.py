"""`wa session move`: hands a session over to another bridge, with its store and login as an archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, run
from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from bridge.client import Client
    from bridge.settings import BridgeSettings

#: Seconds for the bridge to close the session.
CLOSE = 60.0


class NotMoved(CodedError):
    """The session cannot be moved from here."""

    code = "not_moved"


def move(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session's name.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="The other bridge: its WA_INSTANCE.")],
    own_login: Annotated[
        bool, typer.Option("--own-login", help="The other bridge has a login of its own, or shows a code to pair one.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The archive, or a folder for it. Default: backups in WA_DATA_DIR."),
    ] = None,
    media: Annotated[bool, typer.Option("--media", help="Include the files of messages.")] = False,
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait for the other bridge.")] = 900,
) -> None:
    """Hand a session over to another bridge of WA_BRIDGES. Run it where the session runs, as the bridge's user.

    It closes the session, archives its store and login, sets the login here aside, and says what to do with the
    archive; then it waits until the other bridge has opened the session. Commands that are still open become unknown:
    let `wa status` show 0 to send first.
    """
    run(lambda: _move(session, to, own_login=own_login, output=output, media=media, wait=wait))


async def _move(session: str, to: str, *, own_login: bool, output: Path | None, media: bool, wait: int) -> Exit:
    from bridge.cli.connect import connect_session
    from bridge.cli.paths import configured_session, load_running

    settings = load_running()
    name = configured_session(settings, session)
    out = console()
    if to not in settings.bridges or to == settings.instance:
        others = ", ".join(one for one in settings.bridges if one != settings.instance)
        raise NotMoved(f"{to} is no other bridge of WA_BRIDGES, which names {others or 'none'}.")
    async with connect_session(name, "move") as connected:
        client = connected.client
        owner = (await client.status(name)).owner.rpartition(":")[0]
        if owner != settings.instance:
            raise NotMoved(f"{name} runs on {owner}, not here ({settings.instance}): run this command there.")
        if own_login:
            await _hand_over(client, to, name, to)
        await _hand_over(client, owner, name, to)
        await _released(client, name)
        out.print(f"[green]✓[/] {name} is closed here.", highlight=False)
        if not own_login:
            archive = await _archive(settings, name, to, output, media=media)
            size = archive.stat().st_size / 1e6
            out.print(f"[green]✓[/] {archive} ({size:.1f} MB): its store and login.", highlight=False)
            out.print(
                f"  Copy it to {to}'s machine; there, as the bridge's user, while the bridge runs:\n"
                f"  wa restore {archive.name} --session {name} --yes",
                highlight=False,
            )
        out.print(f"  Waiting until {to} has opened it (Ctrl-C ends only the waiting) …", highlight=False)
        try:
            async with asyncio.timeout(wait):
                await _opened(client, name, to)
        except TimeoutError:
            out.print(f"[yellow]![/] {to} has not opened {name} yet; it will, once it has the login.", highlight=False)
            return Exit.NOT_CONNECTED
        out.print(f"[green]✓[/] {name} runs on {to}.", highlight=False)
    return Exit.OK


async def _hand_over(client: Client, bridge: str, session: str, to: str) -> None:
    from bridge.contract.session_changes import BridgeAction, BridgeCommand

    command = BridgeCommand(action=BridgeAction.HAND_OVER, session=session, to=to)
    answer = await client.control_bridge(bridge, command)
    if answer.error is not None:
        raise NotMoved(answer.error.text)


async def _released(client: Client, session: str) -> None:
    from bridge.contract.leases import ClaimState

    try:
        async with asyncio.timeout(CLOSE), aclosing(client.watch_lease(session)) as claims:
            async for claim in claims:
                if claim.state is ClaimState.RELEASED:
                    return
    except TimeoutError as error:
        raise NotMoved(f"{session} was not closed within {CLOSE:g} s; see the bridge's log.") from error


async def _archive(settings: BridgeSettings, name: str, to: str, output: Path | None, *, media: bool) -> Path:
    """Archive the closed session and set its login aside: two bridges with one login end each other's connection."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    from bridge.app.media import media_store
    from bridge.cli.backup import archive_path
    from bridge.drivers import driver_kind
    from bridge.ops.backup import create_backup
    from bridge.ops.backup.paths import timestamp
    from bridge.ops.releases import DISTRIBUTION

    now, login = datetime.now(UTC), driver_kind(settings.driver).login
    folder = settings.session_dir(name)
    result = await create_backup(
        folder,
        name,
        archive_path(output, settings.data_dir / "backups", f"{name}-{timestamp(now)}.tar.gz"),
        bridge=version(DISTRIBUTION),
        now=now,
        pause=lambda: _in_use(name),
        login=login,
        media=media_store(settings, beside_a_bridge=True) if media else None,
    )
    if login is not None and (folder / login.folder).is_dir():
        (folder / login.folder).rename(folder / f"{login.folder}-moved-to-{to}-{timestamp(now)}")
    return result.path


@asynccontextmanager
async def _in_use(session: str) -> AsyncIterator[None]:
    raise NotMoved(f"A browser still runs on the login of {session}; see the bridge's log.")
    yield  # makes it a generator


async def _opened(client: Client, session: str, to: str) -> None:
    shown = None
    async with aclosing(client.watch_status(session)) as statuses:
        async for status in statuses:
            if status.owner.rpartition(":")[0] != to:
                continue
            if status.state == "connected":
                return
            if status.state != shown:
                shown = status.state
                console().print(f"  {to}: {status.state}. {status.text}", markup=False, highlight=False)


def register(parent: typer.Typer) -> None:
    parent.command(epilog=EXIT_HELP)(move)
