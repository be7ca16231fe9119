"""`wa trace`: the history of one message or command, read from the stores, whether the bridge runs or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, console, fail, print_json_line, run

if TYPE_CHECKING:
    from bridge.store.trace import Trace, TraceStep


def register(app: typer.Typer) -> None:

    @app.command("trace", epilog=EXIT_HELP)
    def trace(
        wanted: Annotated[
            str,
            typer.Argument(
                metavar="ID", help="A command's id, a WhatsApp message id (complete or its last part), or a seq."
            ),
        ],
        session: Annotated[str | None, typer.Option(help="Only this session; all of them by default.")] = None,
        json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    ) -> None:
        """Print the history of a message or command, with the time of each step."""
        run(lambda: _trace(wanted, session, json=json))


async def _trace(wanted: str, session: str | None, *, json: bool) -> Exit:
    from asyncio import to_thread

    from bridge.cli.paths import SANDBOX, as_run
    from bridge.contract.errors import NoSuchSession
    from bridge.settings import load
    from bridge.store import BRIDGE_STORE
    from bridge.store.trace import trace

    settings = load()
    sandbox = settings.model_copy(update={"data_dir": settings.data_dir / SANDBOX})
    candidates = [(candidate, as_run(candidate).session_names) for candidate in (settings, sandbox)]
    names = sorted({name for _, names in candidates for name in names})
    if session is not None and session not in names:
        raise NoSuchSession(f"There is no session {session}: the sessions are {', '.join(names)}.")
    found = 0
    for candidate, sessions in candidates:
        for name in [session] if session else sessions:
            path = candidate.session_dir(name) / "store.db"
            if not path.exists():
                continue
            for one in await to_thread(trace, path, candidate.data_dir / BRIDGE_STORE, wanted):
                found += 1
                (_print_json if json else _print)(name, one)
    if not found:
        fail(f"No store under {settings.data_dir} contains {wanted}. Is WA_DATA_DIR the bridge's data directory?")
        return Exit.FAILED
    return Exit.OK


def _print(name: str, one: Trace) -> None:
    from rich.markup import escape

    screen = console()
    screen.print(f"[bold]{escape(name)}[/]  {escape(printable(one.subject))}", highlight=False)
    first = next((moment.at for moment in one.moments if moment.at is not None), None)
    for moment in one.moments:
        screen.print(
            f"  {_time(moment):23} {_since(first, moment):>10}  {moment.what:24} {printable(moment.detail)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _print_json(name: str, one: Trace) -> None:
    from json import dumps

    from bridge.contract.payload import instant, rfc3339

    steps = [
        {"at": None if moment.at is None else rfc3339(instant(moment.at)), "what": moment.what, "detail": moment.detail}
        for moment in one.moments
    ]
    print_json_line(dumps({"session": name, "subject": one.subject, "steps": steps}, ensure_ascii=False))


def _time(moment: TraceStep) -> str:
    from bridge.contract.payload import instant

    if moment.at is None:
        return ""
    return instant(moment.at).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:23]


def _since(first: float | None, moment: TraceStep) -> str:
    if first is None or moment.at is None or moment.at == first:
        return ""
    elapsed = moment.at - first
    return f"{0.0 if abs(elapsed) < 0.002 else elapsed:+.3f} s"  # some times are stored in milliseconds only
