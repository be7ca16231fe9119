"""`wa forget`: one person erased from every store of this machine, whether the bridge runs or not."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import BridgeSettings
    from bridge.store.redaction import ErasedPerson

#: Keys of the counts that say what was not erased.
STILL_OPEN, WISHES_KEPT, FILTERS_KEPT = "still open", "wishes kept", "filters kept"


def register(app: typer.Typer) -> None:

    @app.command("forget", epilog=EXIT_HELP)
    def forget(
        numbers: Annotated[
            list[str], typer.Argument(help="One person's number in any spelling; or all their addresses, as printed.")
        ],
        session: Annotated[str | None, typer.Option(help="Only this session's store; all of them by default.")] = None,
        deleted_on_phone: Annotated[
            bool,
            typer.Option(
                "--deleted-on-phone",
                help="The chat is deleted on the phone: erase the keys, too, that keep its messages from coming again.",
            ),
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        json: Annotated[bool, typer.Option("--json", help="One JSON line; needs --yes or --dry-run.")] = False,
    ) -> None:
        """Erase a person: messages, commands, results, dead letters, conversations. There is no way back.

        Run it where the stores are, as the user of each service. Backups, and what the phone and WhatsApp hold, are
        yours to delete.
        """
        from bridge.cli.service import run

        run(lambda: _forget(numbers, session, deleted_on_phone=deleted_on_phone, dry_run=dry_run, yes=yes, json=json))


@dataclass
class _Report:
    """What was found or erased, by store; `copies` are files that hold older states and are not touched."""

    addresses: list[str]
    erased: dict[str, dict[str, int]] = field(default_factory=dict)
    in_wal: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)


async def _forget(
    numbers: list[str], session: str | None, *, deleted_on_phone: bool, dry_run: bool, yes: bool, json: bool
) -> Exit:
    import asyncio

    from bridge.cli.paths import agreed, configured
    from bridge.settings import load
    from bridge.store import BRIDGE_STORE
    from bridge.store.database import POLL
    from bridge.store.erasure import erase_bridge, erase_session, known_addresses, wipe
    from bridge.store.inspection import holders
    from bridge.store.redaction import ErasedPerson

    settings, person = load(), ErasedPerson.of(numbers[0]).known_as(numbers[1:])
    names = [one.name for one in settings.sessions] if session is None else [configured(settings, session)]
    stores = {name: path for name in names if (path := settings.session_dir(name) / "store.db").exists()}
    for path in stores.values():
        person = await asyncio.to_thread(known_addresses, path, person)
    if not dry_run:
        agreed(f"Erase {', '.join(sorted(person.addresses))} for good?", yes=yes, json=json)
    report, beside = _Report(sorted(person.addresses)), False
    shared = settings.data_dir / BRIDGE_STORE
    for name, path in {**stores, **({"bridge": shared} if shared.exists() else {})}.items():
        if path == shared:
            counts = await asyncio.to_thread(erase_bridge, path, person, dry_run=dry_run)
        else:
            counts = await asyncio.to_thread(erase_session, path, person, marks=deleted_on_phone, dry_run=dry_run)
        report.erased[name] = counts
        runs = holders(path) != []  # None: the system does not tell
        beside = beside or runs
        if not dry_run:
            migrations = "bridge_migrations" if path == shared else "migrations"
            if not await asyncio.to_thread(wipe, path, migrations, beside_a_bridge=runs):
                report.in_wal.append(str(path))
    await _of_the_responder(report, person, settings, dry_run=dry_run)
    if beside and not dry_run:
        await asyncio.sleep(2 * POLL)  # by then the bridge has dropped what it held in memory
    report.copies = [str(path) for path in _copies(settings, names)]
    _tell(report, dry_run=dry_run, json=json)
    left = report.in_wal or any(counts.get(STILL_OPEN) for counts in report.erased.values())
    return Exit.FAILED if left and not dry_run else Exit.OK


async def _of_the_responder(report: _Report, person: ErasedPerson, settings: BridgeSettings, *, dry_run: bool) -> None:
    """From the responder's database, where these settings lead to one that is there."""
    from bridge.cli.paths import RESPONDER_STORE
    from responder.settings import load
    from responder.store.database import ResponderDatabase
    from responder.store.erasure import erase
    from responder.store.migrate import is_there

    own = load(data_dir=settings.data_dir)
    database = ResponderDatabase(own.database_url)
    if database.is_sqlite and not (own.data_dir / RESPONDER_STORE).exists():
        return
    async with database:
        if await is_there(database):
            report.erased["responder"] = await erase(database, person.addresses, dry_run=dry_run)


def _copies(settings: BridgeSettings, names: list[str]) -> list[Path]:
    """What was kept of earlier states: backups, stores that were set aside or kept as damaged."""
    folders = [settings.session_dir(name) for name in names]
    patterns = ("store.db.corrupt-*", "set-aside-*", "before-restore-*")
    kept = [path for folder in folders for pattern in patterns for path in sorted(folder.glob(pattern))]
    kept += sorted(settings.data_dir.glob("before-restore-*"))
    return [*kept, *sorted((settings.data_dir / "backups").glob("*.tar.gz"))]


def _tell(report: _Report, *, dry_run: bool, json: bool) -> None:
    from bridge.cli.run import console, print_json_line

    if json:
        fields = {
            "addresses": report.addresses,
            "dry_run": dry_run,
            "stores": report.erased,
            "in_wal": report.in_wal,
            "copies": report.copies,
        }
        print_json_line(json_format.dumps(fields))
        return
    out = console()
    out.print(f"Known as {', '.join(report.addresses)}", highlight=False)
    for store, counts in report.erased.items():
        left = {name: counts.get(name, 0) for name in (STILL_OPEN, WISHES_KEPT, FILTERS_KEPT)}
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count and what not in left)
        out.print(f"[green]✓[/] {store}: {told or 'nothing'} {'found' if dry_run else 'erased'}", highlight=False)
        if left[STILL_OPEN]:
            out.print(f"  {left[STILL_OPEN]} commands are still under way: run this again when they are final.")
        if left[WISHES_KEPT]:
            out.print(f"  {left[WISHES_KEPT]} chats keep the address, with the wish for no answers.")
        if left[FILTERS_KEPT]:
            out.print(f"  {left[FILTERS_KEPT]} listeners are set to this chat: remove them if they are not wanted.")
    if not report.erased:
        out.print("There is no store here. Is WA_DATA_DIR the one of the service?")
    for path in report.in_wal:
        out.print(f"[yellow]![/] {path}-wal still holds it, since it is read all the time: run this again.")
    if report.copies:
        out.print("[yellow]![/] Not touched, and older: " + ", ".join(report.copies), highlight=False)
    out.print(
        "The phone, WhatsApp's servers and the browser's profile keep their copy until the chat is deleted there."
    )
