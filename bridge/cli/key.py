"""`wa key`: the keys of the HTTP façade. Works on the store directly, whether the bridge runs or not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bridge.store import BridgeStore

app = typer.Typer(help="Keys for HTTP callers.", no_args_is_help=True)


class ScopeChoice(StrEnum):
    """As in the contract, here so that `wa --help` need not load it."""

    SEND = "send"
    LISTEN = "listen"
    ADMIN = "admin"


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="key")


@app.command(epilog=EXIT_HELP)
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for the list.")],
    scope: Annotated[
        list[ScopeChoice] | None, typer.Option(help="What it may do; repeat it. admin may do everything.")
    ] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only these sessions; repeat it. All by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As a JSON line.")] = False,
) -> None:
    """Make a key and print it: it is shown this once. Without --scope it may send and listen.

    As soon as a key exists, every HTTP request needs one.
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        import time

        from bridge.cli.run import console, print_json_line
        from bridge.contract.errors import NoSuchSession
        from bridge.http.credentials import new_key
        from bridge.ports import Scope
        from bridge.settings import load

        known = {setting.name for setting in load().sessions}
        if unknown := set(session or ()) - known:
            raise NoSuchSession(
                f"No session {', '.join(sorted(unknown))}: WA_SESSIONS lists {', '.join(sorted(known))}."
            )
        scopes = [Scope(one.value) for one in scope or (ScopeChoice.SEND, ScopeChoice.LISTEN)]
        made = new_key(name, scopes, session or None, time.time())
        async with _store() as store:
            await store.access.add_key(made.key)
            await _audit(store, "create key", f"{made.key.id} {name}")
        if json:
            from json import dumps

            print_json_line(dumps({"id": made.key.id, "key": made.text, "scopes": sorted(made.key.scopes)}))
        else:
            out = console()
            out.print(made.text, soft_wrap=True, highlight=False)
            out.print("Keep it: it is stored only as a hash. Callers give it in the header x-api-key.", style="dim")
        return Exit.OK

    run(command)


@app.command("list", epilog=EXIT_HELP)
def list_keys(json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False) -> None:
    """Show the keys, without what makes them keys."""
    from bridge.cli.service import run

    async def command() -> Exit:
        from json import dumps

        from bridge.cli.run import clock_time, console, print_json_line, printable
        from bridge.contract.payload import instant

        async with _store() as store:
            keys = await store.access.keys()
        for key in keys:
            sessions = "all sessions" if key.sessions is None else ", ".join(sorted(key.sessions))
            if json:
                line = {"id": key.id, "name": key.name, "scopes": sorted(key.scopes)}
                more = {"sessions": key.sessions and sorted(key.sessions), "revoked": key.revoked_at is not None}
                print_json_line(dumps({**line, **more}))
                continue
            ended = f"  revoked {clock_time(instant(key.revoked_at))}" if key.revoked_at else ""
            console().print(
                f"{key.id}  {printable(key.name)}  {', '.join(sorted(key.scopes))}  {sessions}"
                f"  made {clock_time(instant(key.created_at))}{ended}",
                markup=False,
                highlight=False,
            )
        if not keys and not json:
            console().print(
                "No key was made here. Without one, WHATSAPP_API_KEY or WA_JWT_SECRET, only programs on this machine"
                " can call.",
                style="dim",
            )
        return Exit.OK

    run(command)


@app.command(epilog=EXIT_HELP)
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `wa key list` shows it.")]) -> None:
    """End a key. A bridge that runs refuses it two seconds later."""
    from bridge.cli.service import fail, run

    async def command() -> Exit:
        import time

        from bridge.cli.run import console

        async with _store() as store:
            if not await store.access.revoke_key(key_id, time.time()):
                fail(f"There is no key {key_id} in force; `wa key list` shows the keys.")
                return Exit.FAILED
            await _audit(store, "revoke key", key_id)
            left = [key for key in await store.access.keys() if key.revoked_at is None]
        console().print("Revoked.")
        if not left:
            console().print("No key is left: without WHATSAPP_API_KEY or WA_JWT_SECRET, this machine is trusted again.")
        return Exit.OK

    run(command)


async def _audit(store: BridgeStore, action: str, detail: str) -> None:
    """As the same thing done over HTTP leaves a line; the user of this machine is who did it."""
    import getpass
    import time

    from bridge.ports import AuditEntry

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "?"
    await store.access.record(AuditEntry(time.time(), f"wa key ({user})", "command line", action, detail=detail))


def _store() -> AbstractAsyncContextManager[BridgeStore]:
    import time

    from bridge.settings import load
    from bridge.store import BRIDGE_STORE, BridgeStore

    return BridgeStore(load().data_dir / BRIDGE_STORE, now=time.time)
