"""`wa doctor`: prints the findings of `bridge.ops.doctor`, each with advice."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from bridge.contract.findings import Finding
    from bridge.ops.doctor.examination import Examination
    from responder.settings import ResponderSettings

_MARK = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "fault": "[red]✗[/]"}


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(doctor)


def doctor(
    live: Annotated[
        bool,
        typer.Option("--live", help="Also send a message to the session's own number."),
    ] = False,
    broker: Annotated[
        bool,
        typer.Option("--broker", help="Also try what the broker can do, at each address; takes some 15 s."),
    ] = False,
    session: Annotated[str | None, typer.Option(help="Session for --live; the first one by default.")] = None,
    to: Annotated[
        str | None, typer.Option(help="Number for --live if the session's own number is not known here.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also list every setting of the bridge, with its value and where it is from.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per finding.")] = False,
) -> None:
    """Check everything the bridge depends on and suggest fixes. Exit code 0 without faults, else 1.

    Changes nothing and may run beside a bridge. With --live it sends one message, to yourself. With --broker it
    publishes on topics of its own, and removes them.
    """

    async def command() -> Exit:
        from bridge.asgi.settings_report import read_environment
        from bridge.contract.findings import Level, worst
        from bridge.ops.doctor.examination import examine

        findings: list[Finding] = []

        def show(finding: Finding) -> None:
            findings.append(finding)
            if json:
                print_json_line(finding.to_json())
            else:
                _print(finding)

        logging.getLogger("bridge").setLevel(logging.CRITICAL)  # failures are reported as findings
        environment, file = read_environment()
        plan = _plan(live=live, broker=broker, session=session, to=to)
        for finding in _settings_findings(plan, environment, file):
            show(finding)
        if not isinstance(plan, str):
            if every and not json:
                await _print_settings(environment, file)
            async for finding in examine(plan):
                show(finding)
            if (finding_of_responder := await _responder_finding()) is not None:
                show(finding_of_responder)
        if not json:
            _print_summary(findings)
        return Exit.FAILED if worst(findings) is Level.FAULT else Exit.OK

    run(command)


def _plan(*, live: bool, broker: bool, session: str | None, to: str | None) -> Examination | str:
    """What to examine, or the error text of invalid settings."""
    from bridge.cli.paths import load_running
    from bridge.contract.errors import StartError
    from bridge.ops.doctor.examination import Examination
    from bridge.ops.private_broker import read_broker_json

    try:
        settings = load_running()
    except StartError as error:
        return error.text
    private = read_broker_json(settings.data_dir)
    addresses = settings.addresses or ((private,) if private else ())
    return Examination(settings, addresses, not settings.addresses, live, broker, session, to)


def _responder_settings() -> ResponderSettings | None:
    """None where they are wrong: `wa responder` says why."""
    from responder.errors import WrongSettings
    from responder.settings import load

    try:
        settings = load()
        settings.system_template()
    except WrongSettings:
        return None
    return settings


async def _responder_finding() -> Finding | None:
    """About the responder beside a bridge that asks for keys; None where there is none, or the bridge says nothing."""
    from bridge.cli.facade import facade
    from bridge.cli.http_file import base_url
    from bridge.contract.errors import CodedError
    from bridge.ops.doctor.responder_access import responder_access
    from bridge.settings import load

    try:
        async with facade(load(), scope="admin") as client:
            keys = (await client.request("GET", "/v1/keys"))["keys"]
            settings = (await client.request("GET", "/v1/settings"))["settings"]
    except CodedError:
        return None
    given = {one["name"]: one["value"] for one in settings if one["is_set"]}
    if not given.keys() & {"WHATSAPP_API_KEY", "WA_JWT_SECRET"} and all(one.get("revoked_at") for one in keys):
        return None
    url = given.get("WA_RESPONDER_URL")
    if url is None and (beside := _responder_settings()) is not None:
        url = base_url(beside.host, beside.port)
    return None if url is None else await responder_access(url)


def _settings_findings(
    plan: Examination | str, environment: dict[str, str], file: dict[str, str | None]
) -> Iterable[Finding]:
    from bridge.cli.doubtful_settings import doubts, unknown_names
    from bridge.contract.effective_settings import effective
    from bridge.contract.findings import ok
    from bridge.ops.doctor.variables import invalid
    from bridge.settings import load

    if isinstance(plan, str):
        yield from invalid(plan)
    else:
        given = [variable for variable in effective(load(), environment, file) if variable.source != "default"]
        words = ", ".join(f"{variable.name}={variable.value}" for variable in given)
        yield ok("settings", f"Valid. Set: {words or 'none, all defaults'}.")
        yield from doubts(plan.settings, _responder_settings())
    yield from unknown_names(environment, file)


def _print(finding: Finding) -> None:
    """Printed immediately: some checks take seconds."""
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=16, no_wrap=True, style="bold")
    line.add_column(overflow="fold")
    text = Text(printable(finding.what))
    if finding.advice:
        text.append(f"\n→ {printable(finding.advice)}", style="cyan")
    line.add_row(_MARK[finding.level], finding.check, text)
    _folding_console().print(line)


async def _print_settings(environment: dict[str, str], file: dict[str, str | None]) -> None:
    """Those of the bridge that runs here, else as configured."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from bridge.cli.facade import facade
    from bridge.contract.effective_settings import effective
    from bridge.contract.errors import CodedError
    from bridge.settings import load

    try:
        async with facade(load(), scope="admin") as client:
            found = (await client.request("GET", "/v1/settings"))["settings"]
        title = "Settings of the bridge that runs"
    except CodedError:
        found = [asdict(one) for one in effective(load(), environment, file)]
        title = "Effective settings"
    shown = Table(box=SIMPLE, pad_edge=False, title=title, title_justify="left")
    for heading in ("name", "value", "from"):
        shown.add_column(heading, overflow="fold")
    for one in found:
        style = "dim" if one["source"] == "default" else ""
        shown.add_row(*(Text(printable(one[cell]), style=style) for cell in ("name", "value", "source")))
    _folding_console().print(shown)


def _print_summary(findings: list[Finding]) -> None:
    from collections import Counter

    count = Counter(str(finding.level) for finding in findings)
    faults, warnings = count["fault"], count["warning"]
    if faults:
        summary = f"[bold red]{faults} to fix[/]" + (f", {_count_warnings(warnings)}" if warnings else "")
    else:
        summary = f"[yellow]{_count_warnings(warnings)}[/], no faults" if warnings else "[green]no faults[/]"
    console().print(summary)


def _count_warnings(count: int) -> str:
    return f"{count} warning" if count == 1 else f"{count} warnings"


def _folding_console() -> Console:
    folding = console()
    folding.soft_wrap = False  # cells are folded, which keeps the columns aligned
    return folding
