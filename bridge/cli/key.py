"""`wa key`: API keys of the HTTP façade. Works on the store directly, whether the bridge runs or not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, fail, print_json_line, run

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bridge.ports import AgentGrant, ApiKey
    from bridge.settings import BridgeSettings
    from bridge.store import BridgeStore

app = typer.Typer(help="API keys for HTTP clients.", no_args_is_help=True)


class ScopeChoice(StrEnum):
    """Repeats the contract's scopes, so that `wa --help` does not load the contract."""

    SEND = "send"
    LISTEN = "listen"
    ADMIN = "admin"


class RightChoice(StrEnum):
    """Repeats the rights of agents, as `ScopeChoice` does."""

    READ_NEW = "read_new"
    READ_HISTORY = "read_history"
    REPLY = "reply"
    START_NEW = "start_new"


_CHAT_HELP = (
    "Make the key of an agent, for this chat: a number, an address, or * for each chat; repeatable."
    " With =RIGHT,… it has other rights there than --right."
)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="key")


@app.command(epilog=EXIT_HELP)
def create(
    name: Annotated[str, typer.Argument(help="Name shown in the list of keys.")],
    scope: Annotated[list[ScopeChoice] | None, typer.Option(help="Permission; repeatable. admin includes all.")] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only this session; repeatable. All by default.")] = None,
    chat: Annotated[list[str] | None, typer.Option(help=_CHAT_HELP, metavar="CHAT[=RIGHT,…]")] = None,
    right: Annotated[
        list[RightChoice] | None, typer.Option(help="Right of an agent in its chats; repeatable. read_new by default.")
    ] = None,
    approval: Annotated[
        bool, typer.Option("--approval/--no-approval", help="Whether a person approves each send of an agent.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Create a key and print it once. Without --scope it may send and listen.

    With --chat it is the key of an agent (`wa mcp`): it has no scope, and does not see any other chat.

    As soon as one key exists, every HTTP request needs a key.
    """

    async def command() -> Exit:
        import time

        from bridge.cli.paths import load_running
        from bridge.contract.errors import InvalidRequest, NoSuchSession
        from bridge.http.credentials import new_key
        from bridge.ports import Scope

        settings = load_running()
        known = {setting.name for setting in settings.sessions}
        if unknown := set(session or ()) - known:
            raise NoSuchSession(
                f"There is no session {', '.join(sorted(unknown))}: the sessions are {', '.join(sorted(known))}."
            )
        scopes = [Scope(one.value) for one in scope or (ScopeChoice.SEND, ScopeChoice.LISTEN)]
        if scope and chat:
            raise InvalidRequest("An agent's key has rights by chat and no scope: give --chat or --scope.")
        if right and not chat:
            raise InvalidRequest("--right is for the chats of --chat.")
        usual = [one.value for one in right or (RightChoice.READ_NEW,)]
        agent = _grant(chat, usual, approval=approval) if chat else None
        created = new_key(name, scopes, session or None, time.time(), agent)
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

        from bridge.cli.paths import load_running
        from bridge.contract.payload import instant
        from bridge.store import BRIDGE_STORE

        settings = load_running()
        keys: list[ApiKey] = []
        if (settings.data_dir / BRIDGE_STORE).exists():  # opening it would create it
            async with _store(settings) as store:
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
                f"{key.id}  {printable(key.name)}  {_rights(key)}  {sessions}"
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
    """Revoke a key. A running bridge refuses it within a second."""

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


def _grant(chats: list[str], usual: list[str], *, approval: bool) -> AgentGrant:
    """The rights that the options of `create` name. Raises `InvalidRequest`."""
    from bridge.contract.errors import InvalidRequest
    from bridge.http.credentials import grant_of
    from bridge.ports import Right

    found: dict[str, list[Right]] = {}
    for text in chats:
        chat, _, named = text.partition("=")
        try:
            found[chat.strip()] = [Right(one.strip()) for one in (named.split(",") if named else usual)]
        except ValueError as error:
            raise InvalidRequest(f"The rights are {', '.join(Right)}, not {named!r}.") from error
    return grant_of(found, approval=approval)


def _rights(key: ApiKey) -> str:
    """What a key may do, in a list."""
    if key.agent is None:
        return ", ".join(sorted(key.scopes))
    chats = (f"{chat}={'+'.join(sorted(rights))}" for chat, rights in sorted(key.agent.chats.items()))
    return f"agent {' '.join(chats)}{'' if key.agent.approval else ' without approval'}"


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
