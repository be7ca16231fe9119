"""`wa pair --window`: a browser window on the session's profile, for who has a screen and a passkey at hand."""

from __future__ import annotations

import typer

from bridge.cli.paths import as_run, configured_session
from bridge.cli.run import Exit, fail
from bridge.drivers import driver_kind
from bridge.ports import WindowStep
from bridge.settings import load


async def pair_in_window(session: str | None) -> Exit:
    """Open it until it is closed. Raises what `DriverKind.pair_in_window` raises."""
    settings = as_run(load())
    name, paired = configured_session(settings, session), False
    async for step in driver_kind(settings.driver).pair_in_window(settings, name):
        match step:
            case WindowStep.OPEN:
                typer.echo("Pair in the window that has opened. It works only for an account of your own.")
            case WindowStep.PAIRED:
                paired = True
                typer.echo("Paired. Wait until the window shows the chats, close it, and start the bridge.")
    if not paired:
        fail("The window was closed before it was paired.")
    return Exit.OK if paired else Exit.FAILED
