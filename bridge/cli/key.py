"""`wa key`: API keys of the HTTP façade. Works on the store directly, whether the bridge runs or not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, fail, print_json_line, run

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bridge.settings import BridgeSettings
    from bridge.store import BridgeStore

app = typer.Typer(help="API keys for HTTP clients.", no_args_is_help=True)


class ScopeChoice(StrEnum):
    """Repeats the contract's scopes, so that `wa --help` does not load the contract."""

    SEND = "send"
    LISTEN = "listen"
    ADMIN = "admin"


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="key")


@app.command(epilog=EXIT_HELP)
def create(
    name: Annotated[str, typer.Argument(help="Name shown in the list of keys.")],
    scope: Annotated[list[ScopeChoice] | None, typer.Option(help="Permission; repeatable. admin includes all.")] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only this session; repeatable. All by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Create a key and print it once. Without --scope it may send and listen.

    As soon as one key exists, every HTTP request needs a key.
    """

    async def command() -> Exit:
        import time

        from bridge.cli.paths import load_running
        from bridge.contract.errors import NoSuchSession
        from bridge.http.credentials import new_key
        from bridge.ports import Scope

        settings = load_running()
        known = {setting.name for setting in settings.sessions}
        if unknown := set(session or ()) - known:
            raise NoSuchSession(
                f"There is no session {', '.join(sorted(unknown))}: the sessions are {', '.join(sorted(known))}."
            )
        scopes = [Scope(one.value) for one in scope or (ScopeChoice.SEND, ScopeChoice.LISTEN)]
        created = new_key(name, scopes, session or None, time.time())
        async with _store(settings) as store:
            await store.access.add_key(created.key)
            await _audit(store, "create key", f"{created.key.id} {name}")
        if json:
            from json import dumps

            print_json_line(dumps({"id": created.key.id, "key": created.text, "scopes": sorted(created.key.scopes)}))
        else:
            out = console()
            out.print(created.text, soft_wrap=True, highlight=False)
            out.print("Store it safely: only its hash is kept. Clients send it in the header x-api-key.", style="dim")
        return Exit.OK

    run(command)


@app.command("list", epilog=EXIT_HELP)
def list_keys(json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False) -> None:
    """List keys (without their secrets)."""

    async def command() -> Exit:
        from json import dumps

        from bridge.contract.payload import instant

        async with _store() as store:
            keys = await store.access.keys()
        for key in keys:
            sessions = "all sessions" if key.sessions is None else ", ".join(sorted(key.sessions))
            if json:
                fields: dict[str, Any] = {"id": key.id, "name": key.name, "scopes": sorted(key.scopes)}
                fields |= {"sessions": key.sessions and sorted(key.sessions), "revoked": key.revoked_at is not None}
                print_json_line(dumps(fields))
                continue
            ended = f"  revoked {clock_time(instant(key.revoked_at))}" if key.revoked_at else ""
            console().print(
                f"{key.id}  {printable(key.name)}  {', '.join(sorted(key.scopes))}  {sessions}"
                f"  created {clock_time(instant(key.created_at))}{ended}",
                markup=False,
                highlight=False,
            )
        if not keys and not json:
            console().print(
                "No key exists. Without a key, WHATSAPP_API_KEY or WA_JWT_SECRET, only programs on this machine have"
                " access.",
                style="dim",
            )
        return Exit.OK

    run(command)


@app.command(epilog=EXIT_HELP)
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="ID from `wa key list`.")]) -> None:
    """Revoke a key. A running bridge refuses it within two seconds."""

    async def command() -> Exit:
        import time

        async with _store() as store:
            if not await store.access.revoke_key(key_id, time.time()):
                fail(f"No active key {key_id}; `wa key list` shows the keys.")
                return Exit.FAILED
            await _audit(store, "revoke key", key_id)
            active = [key for key in await store.access.keys() if key.revoked_at is None]
        console().print("Revoked.")
        if not active:
            console().print(
                "No key is left: without WHATSAPP_API_KEY or WA_JWT_SECRET, programs on this machine have access again."
            )
        return Exit.OK

    run(command)


async def _audit(store: BridgeStore, action: str, detail: str) -> None:
    """The same audit entry as over HTTP; the actor is the operating-system user."""
    import getpass
    import time

    from bridge.ports import AuditEntry

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "?"
    await store.access.record(AuditEntry(time.time(), f"wa key ({user})", "command line", action, detail=detail))


def _store(settings: BridgeSettings | None = None) -> AbstractAsyncContextManager[BridgeStore]:
    import time

    from bridge.cli.paths import load_running
    from bridge.store import BRIDGE_STORE, BridgeStore

    return BridgeStore((settings or load_running()).data_dir / BRIDGE_STORE, now=time.time)
