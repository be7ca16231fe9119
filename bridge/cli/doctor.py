"""`wa doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from bridge.ops.doctor import Examination, Finding

_MARK = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "fault": "[red]✗[/]"}


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(doctor)


def doctor(
    live: Annotated[
        bool,
        typer.Option("--live", help="Also load WhatsApp's page and send a message to the session's own number."),
    ] = False,
    session: Annotated[
        str | None, typer.Option(help="Session for --live; the first of WA_SESSIONS by default.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Number for --live, where the session's own is not known here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Each finding as a JSON line.")] = False,
) -> None:
    """Look at everything that the bridge needs, and say what to do. Exit code 0 without faults, else 1.

    It changes nothing and may run beside a bridge. With --live one message is sent, to yourself.
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.cli.run import print_json_line
        from bridge.ops.doctor import Level, examine, worst

        findings: list[Finding] = []

        def show(finding: Finding) -> None:
            findings.append(finding)
            if json:
                print_json_line(finding.to_json())
            else:
                _print(finding)

        logging.getLogger("bridge").setLevel(logging.CRITICAL)  # what goes wrong here is a finding
        environment, file = _given()
        plan = _plan(live=live, session=session, to=to)
        for finding in _of_settings(plan, environment, file):
            show(finding)
        if not isinstance(plan, str):
            if not json:
                _print_settings(plan, environment, file)
            async for finding in examine(plan):
                show(finding)
        if not json:
            _print_end(findings)
        return Exit.FAILED if worst(findings) is Level.FAULT else Exit.OK

    run(command)


def _plan(*, live: bool, session: str | None, to: str | None) -> Examination | str:
    """What to examine, or the sentence that says which settings are wrong."""
    from bridge.contract.errors import StartError
    from bridge.ops.doctor import Examination
    from bridge.ops.private_broker import read_broker_json
    from bridge.settings import load

    try:
        settings = load()
    except StartError as error:
        return error.text
    private = read_broker_json(settings.data_dir)
    addresses = settings.addresses or ((private,) if private else ())
    return Examination(settings, addresses, not settings.addresses, live, session, to)


def _given() -> tuple[dict[str, str], dict[str, str | None]]:
    """What the environment and `.env` say."""
    import os

    from dotenv import dotenv_values

    return dict(os.environ), dotenv_values(".env")


def _of_settings(
    plan: Examination | str, environment: dict[str, str], file: dict[str, str | None]
) -> Iterable[Finding]:
    from bridge.ops.doctor.findings import ok
    from bridge.ops.doctor.variables import unknown, variables, wrong

    if isinstance(plan, str):
        yield from wrong(plan)
    else:
        given = [variable for variable in variables(plan.settings, environment, file) if variable.source != "default"]
        words = ", ".join(f"{variable.name}={variable.value}" for variable in given)
        yield ok("settings", f"Valid. Set: {words or 'none, all are defaults'}.")
    yield from unknown(environment, file)


def _print(finding: Finding) -> None:
    """A line as soon as it is known: some checks take seconds."""
    from rich.table import Table
    from rich.text import Text

    from bridge.cli.run import console, printable

    line = Table.grid(padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=16, no_wrap=True, style="bold")
    line.add_column(overflow="fold")
    said = Text(printable(finding.what))
    if finding.advice:
        said.append(f"\n→ {printable(finding.advice)}", style="cyan")
    line.add_row(_MARK[finding.level], finding.check, said)
    _console(console()).print(line)


def _print_settings(plan: Examination, environment: dict[str, str], file: dict[str, str | None]) -> None:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from bridge.cli.run import console, printable
    from bridge.ops.doctor.variables import variables

    shown = Table(box=SIMPLE, pad_edge=False, title="Settings in force", title_justify="left")
    for heading in ("name", "value", "from"):
        shown.add_column(heading, overflow="fold")
    for variable in variables(plan.settings, environment, file):
        style = "dim" if variable.source == "default" else ""
        shown.add_row(
            *(Text(printable(cell), style=style) for cell in (variable.name, variable.value, variable.source))
        )
    _console(console()).print(shown)


def _print_end(findings: list[Finding]) -> None:
    from collections import Counter

    from bridge.cli.run import console

    count = Counter(str(finding.level) for finding in findings)
    faults, warnings = count["fault"], count["warning"]
    if faults:
        said = f"[bold red]{faults} to mend[/]" + (f", {warnings} to look after" if warnings else "")
    else:
        said = f"[yellow]{warnings} to look after[/], nothing to mend" if warnings else "[green]all well[/]"
    console().print(said)


def _console(console: Console) -> Console:
    console.soft_wrap = False  # cells are folded, so that the columns stay columns
    return console
