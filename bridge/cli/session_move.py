"""`wa session move`: hands a session over to another bridge, with its store and login as an archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, run
from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from bridge.client import Client
    from bridge.settings import BridgeSettings

#: Seconds for the bridge to close the session, and for the broker to deliver its last claim.
CLOSE, RETAINED = 60.0, 3.0


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
    archive; then it waits until the other bridge has opened the session. If it fails before, the session opens here
    again; one that was interrupted goes on when you repeat it. Commands that are still open become unknown: let
    `wa status` show 0 to send first.
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
    target = None if own_login else _target(settings, name, output)
    async with connect_session(name, "move") as connected:
        client = connected.client
        owner = (await client.status(name)).owner.rpartition(":")[0]
        if owner != settings.instance:
            raise NotMoved(f"{name} runs on {owner}, not here ({settings.instance}): run this command there.")
        if not await _is_released(client, name, owner, to):
            await _hand_over(client, owner, name, to)
            await _released(client, name)
        out.print(f"[green]✓[/] {name} is closed here.", highlight=False)
        try:
            if target is None:
                await _hand_over(client, to, name, to)
            else:
                await _archive(settings, name, to, target, media=media)
        except Exception:
            await _hand_over(client, owner, name, owner)
            out.print(f"[yellow]![/] {name} opens here again.", highlight=False)
            raise
        if target is not None:
            size = target.stat().st_size / 1e6
            out.print(f"[green]✓[/] {target} ({size:.1f} MB): its store and login.", highlight=False)
            out.print(
                f"  Copy it to {to}'s machine; there, as the bridge's user, while the bridge runs:\n"
                f"  wa restore {target.name} --session {name} --yes",
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


async def _is_released(client: Client, session: str, owner: str, to: str) -> bool:
    """Whether a move that was interrupted has closed it already."""
    from bridge.contract.leases import ClaimState

    with suppress(TimeoutError):
        async with asyncio.timeout(RETAINED), aclosing(client.watch_lease(session)) as claims:
            async for claim in claims:
                closed = claim.state is ClaimState.RELEASED and claim.to == to
                return closed and claim.owner.rpartition(":")[0] == owner
    return False


async def _released(client: Client, session: str) -> None:
    from bridge.contract.leases import ClaimState

    try:
        async with asyncio.timeout(CLOSE), aclosing(client.watch_lease(session)) as claims:
            async for claim in claims:
                if claim.state is ClaimState.RELEASED:
                    return
    except TimeoutError as error:
        raise NotMoved(f"{session} was not closed within {CLOSE:g} s; see the bridge's log.") from error


def _target(settings: BridgeSettings, name: str, output: Path | None) -> Path:
    from datetime import UTC, datetime

    from bridge.cli.backup import archive_path
    from bridge.ops.backup.paths import timestamp

    return archive_path(output, settings.data_dir / "backups", f"{name}-{timestamp(datetime.now(UTC))}.tar.gz")


async def _archive(settings: BridgeSettings, name: str, to: str, target: Path, *, media: bool) -> None:
    """Archive the closed session and set its login aside: two bridges with one login end each other's connection."""
    from datetime import UTC, datetime
    from importlib.metadata import version

    from bridge.app.media import media_store
    from bridge.drivers import driver_kind
    from bridge.ops.backup import create_backup
    from bridge.ops.backup.paths import timestamp
    from bridge.ops.releases import DISTRIBUTION

    now, login = datetime.now(UTC), driver_kind(settings.driver).login
    folder = settings.session_dir(name)
    await create_backup(
        folder,
        name,
        target,
        bridge=version(DISTRIBUTION),
        now=now,
        pause=lambda: _in_use(name),
        login=login,
        media=media_store(settings, beside_a_bridge=True) if media else None,
    )
    if login is not None and (folder / login.folder).is_dir():
        (folder / login.folder).rename(folder / f"{login.folder}-moved-to-{to}-{timestamp(now)}")


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
