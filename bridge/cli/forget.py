"""`wa forget`: erases one person from every store on this machine, whether the bridge runs or not."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import BridgeSettings
    from bridge.store.redaction import ErasedPerson

#: Keys of the counts of what was not erased.
STILL_OPEN, OPT_OUTS_KEPT, FILTERS_KEPT = "still open", "opt-outs kept", "filters kept"
KEYS_KEPT = "agents' keys kept"


def register(app: typer.Typer) -> None:

    @app.command("forget", epilog=EXIT_HELP)
    def forget(
        numbers: Annotated[
            list[str], typer.Argument(help="One person's number in any spelling, or all of their addresses as printed.")
        ],
        session: Annotated[str | None, typer.Option(help="Only this session's store; all of them by default.")] = None,
        deleted_on_phone: Annotated[
            bool,
            typer.Option(
                "--deleted-on-phone",
                help="The chat is deleted on the phone: also erase the keys that prevent re-importing its messages.",
            ),
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would be erased.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
        json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes or --dry-run.")] = False,
    ) -> None:
        """Erase a person: messages, commands, results, dead letters, conversations. This cannot be undone.

        Run it on the machine that has the stores, as the user of each service. Backups, and the copies on the phone
        and at WhatsApp, are for you to delete.
        """
        run(lambda: _forget(numbers, session, deleted_on_phone=deleted_on_phone, dry_run=dry_run, yes=yes, json=json))


@dataclass
class _Report:
    """Counts of what was found or erased, by store; `copies` are files with older states, which stay untouched."""

    addresses: list[str]
    erased: dict[str, dict[str, int]] = field(default_factory=dict)
    in_wal: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    files_kept: str | None = None  # why files of the person are not deleted


async def _forget(
    numbers: list[str], session: str | None, *, deleted_on_phone: bool, dry_run: bool, yes: bool, json: bool
) -> Exit:
    import asyncio

    from bridge.cli.paths import configured_session, confirm, load_running, stored_sessions
    from bridge.store import BRIDGE_STORE
    from bridge.store.database import POLL
    from bridge.store.erasure import erase_bridge, erase_session, known_addresses, wipe
    from bridge.store.inspection import holders
    from bridge.store.media_references import files_of
    from bridge.store.redaction import ErasedPerson

    settings, person = load_running(), ErasedPerson.of(numbers[0]).known_as(numbers[1:])
    names = stored_sessions(settings) if session is None else [configured_session(settings, session)]
    stores = {name: path for name in names if (path := settings.session_dir(name) / "store.db").exists()}
    for path in stores.values():
        person = await asyncio.to_thread(known_addresses, path, person)
    if not dry_run:
        confirm(f"Erase {', '.join(sorted(person.addresses))} permanently?", yes=yes, json=json)
    report, in_use = _Report(sorted(person.addresses)), False
    theirs = set().union(*[await asyncio.to_thread(files_of, path, person) for path in stores.values()])
    shared = settings.data_dir / BRIDGE_STORE
    for name, path in {**stores, **({"bridge": shared} if shared.exists() else {})}.items():
        if path == shared:
            counts = await asyncio.to_thread(erase_bridge, path, person, dry_run=dry_run)
        else:
            counts = await asyncio.to_thread(erase_session, path, person, marks=deleted_on_phone, dry_run=dry_run)
        report.erased[name] = counts
        is_open = holders(path) != []  # None: the system does not show lock holders
        in_use = in_use or is_open
        if not dry_run:
            migrations = "bridge_migrations" if path == shared else "migrations"
            if not await asyncio.to_thread(wipe, path, migrations, beside_a_bridge=is_open):
                report.in_wal.append(str(path))
    if not dry_run:
        report.files_kept = await _delete_files(settings, theirs)
    await _erase_from_responder(report, person, settings, dry_run=dry_run)
    await _erase_from_campaigns(report, person, settings, dry_run=dry_run)
    if in_use and not dry_run:
        await asyncio.sleep(2 * POLL)  # by then the bridge has dropped its in-memory copy
        if shared.exists():  # what it stored from that copy meanwhile, as a dead letter
            late = await asyncio.to_thread(erase_bridge, shared, person)
            if any(count for what, count in late.items() if what not in (FILTERS_KEPT, KEYS_KEPT)):
                wiped = await asyncio.to_thread(wipe, shared, "bridge_migrations", beside_a_bridge=True)
                report.in_wal += [] if wiped or str(shared) in report.in_wal else [str(shared)]
    report.copies = [str(path) for path in _copies(settings, names)]
    _print_report(report, dry_run=dry_run, json=json)
    incomplete = report.in_wal or report.files_kept or any(counts.get(STILL_OPEN) for counts in report.erased.values())
    return Exit.FAILED if incomplete and not dry_run else Exit.OK


async def _erase_from_responder(
    report: _Report, person: ErasedPerson, settings: BridgeSettings, *, dry_run: bool
) -> None:
    """Skipped if these settings lead to no existing responder database."""
    from bridge.cli.paths import RESPONDER_STORE
    from bridge.sql.database import SqlDatabase
    from responder.settings import load
    from responder.store.erasure import erase
    from responder.store.schema import SCHEMA

    own = load(data_dir=settings.data_dir)
    database = SqlDatabase(own.database_url)
    if database.is_sqlite and not (own.data_dir / RESPONDER_STORE).exists():
        return
    async with database:
        if await SCHEMA.is_there(database):
            report.erased["responder"] = await erase(database, person.addresses, dry_run=dry_run)


async def _erase_from_campaigns(
    report: _Report, person: ErasedPerson, settings: BridgeSettings, *, dry_run: bool
) -> None:
    """Skipped if these settings lead to no existing database of the campaigns service."""
    from bridge.cli.paths import CAMPAIGNS_STORE
    from bridge.sql.database import SqlDatabase
    from campaigns.settings import load
    from campaigns.store.erasure import erase
    from campaigns.store.schema import SCHEMA

    own = load(data_dir=settings.data_dir)
    database = SqlDatabase(own.database_url)
    if database.is_sqlite and not (own.data_dir / CAMPAIGNS_STORE).exists():
        return
    async with database:
        if await SCHEMA.is_there(database):
            report.erased["campaigns"] = await erase(database, person.addresses, dry_run=dry_run)


async def _delete_files(settings: BridgeSettings, theirs: set[str]) -> str | None:
    """Delete those among the files that no other message or command refers to; returns why they are kept."""
    import asyncio

    from bridge.app.media import media_store
    from bridge.ports import StoreUnusable
    from bridge.store.media_references import references

    if not theirs:
        return None
    try:
        kept = await asyncio.to_thread(references, settings.data_dir / "sessions")
    except StoreUnusable as error:  # the other stores are still to be erased
        return error.text
    store = media_store(settings, beside_a_bridge=True)
    for sha256 in theirs:
        if sha256 not in kept:
            await store.delete(sha256)
    return None


def _copies(settings: BridgeSettings, names: list[str]) -> list[Path]:
    """Files with earlier states: backups, stores that were set aside or kept as damaged."""
    folders = [settings.session_dir(name) for name in names]
    patterns = ("store.db.corrupt-*", "set-aside-*", "before-restore-*")
    kept = [path for folder in folders for pattern in patterns for path in sorted(folder.glob(pattern))]
    kept += sorted(settings.data_dir.glob("before-restore-*"))
    return [*kept, *sorted((settings.data_dir / "backups").glob("*.tar.gz"))]


def _print_report(report: _Report, *, dry_run: bool, json: bool) -> None:
    if json:
        fields = {
            "addresses": report.addresses,
            "dry_run": dry_run,
            "stores": report.erased,
            "in_wal": report.in_wal,
            "copies": report.copies,
            "files_kept": report.files_kept,
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    out.print(f"Known as {', '.join(report.addresses)}", highlight=False)
    for store, counts in report.erased.items():
        left = {name: counts.get(name, 0) for name in (STILL_OPEN, OPT_OUTS_KEPT, FILTERS_KEPT, KEYS_KEPT)}
        erased = ", ".join(f"{count} {what}" for what, count in counts.items() if count and what not in left)
        out.print(f"[green]✓[/] {store}: {erased or 'nothing'} {'found' if dry_run else 'erased'}", highlight=False)
        if left[STILL_OPEN]:
            out.print(f"  {left[STILL_OPEN]} commands or requests are still open: run this again when they are final.")
        if left[OPT_OUTS_KEPT]:
            out.print(f"  {left[OPT_OUTS_KEPT]} chats keep their address, to honour the opt-out from answers.")
        if left[FILTERS_KEPT]:
            out.print(
                f"  {left[FILTERS_KEPT]} webhooks are filtered to this chat: remove them if you do not need them."
            )
        if left[KEYS_KEPT]:
            out.print(f"  {left[KEYS_KEPT]} keys of agents name this chat: revoke them, and run this again.")
    if not report.erased:
        out.print("No store found. Is WA_DATA_DIR the data directory of the service?")
    for path in report.in_wal:
        out.print(
            f"[yellow]![/] {path}-wal still contains the data, because a reader blocked the checkpoint: run this again."
        )
    if report.files_kept:
        out.print(
            f"[yellow]![/] The person's files are kept: {report.files_kept} Then the bridge deletes them within a day.",
            highlight=False,
        )
    if report.copies:
        out.print("[yellow]![/] Older copies, not changed: " + ", ".join(report.copies), highlight=False)
    out.print("The phone, WhatsApp's servers and the browser profile keep their copy until the chat is deleted there.")
