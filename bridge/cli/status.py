"""`wa status`: the status of every session at the broker, with its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, print_json_line, run

if TYPE_CHECKING:
    from rich.table import Table

    from bridge.client import SessionStatus
    from bridge.contract.budget import SendBudget

_COLOUR = {
    "connected": "green",
    "pairing": "yellow",
    "starting": "cyan",
    "connecting": "cyan",
    "authenticated": "cyan",
    "reconnecting": "yellow",
    "unreachable": "yellow",
    "stopped": "dim",
    "standby": "dim",
}

#: Columns of a terminal from which on the table has every figure.
FULL_WIDTH = 120
#: Seconds by which clocks may differ without a word: a status is on its way for less.
CLOCK_TOLERANCE = 10.0


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(status)


def status(
    session: Annotated[str | None, typer.Option(help="Only this session; all by default.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep running and show every change, until Ctrl-C.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per session.")] = False,
) -> None:
    """Show the status of every session. Exit code 0 if all are connected, else 7."""

    async def command() -> Exit:
        from bridge.cli.connect import connect_session

        out = console()
        narrow = out.width < FULL_WIDTH
        async with connect_session(session, "status") as connected:
            client = connected.client
            found = [await client.status(session)] if session else await client.statuses(connected.configured)
            for one in found:
                report_clock(one.session, await client.clock_difference(one.session))
            if not watch:
                if json:
                    for one in found:
                        print_json_line(one.to_json())
                else:
                    out.print(table(found, narrow=narrow))
                    for name, bridge, why in client.standbys:
                        if session in (None, name):
                            line = printable(f"{name}: {bridge} is in standby. {why}")
                            out.print(line, markup=False, highlight=False)
                return Exit.OK if all(one.state == "connected" for one in found) else Exit.NOT_CONNECTED
            known = {one.session: one for one in found}
            if json:
                async for one in client.watch_status(session):
                    print_json_line(one.to_json())
                return Exit.OK
            from rich.live import Live

            with Live(table(found, narrow=narrow), console=out, auto_refresh=False) as live:
                async for one in client.watch_status(session):
                    known[one.session] = one
                    shown = table([known[name] for name in sorted(known)], narrow=narrow)
                    live.update(shown, refresh=True)
        return Exit.OK

    run(command)


def report_clock(session: str, ahead: float | None) -> None:
    """Say on standard error that this machine's clock differs from the bridge's; `ahead` in seconds, None = unknown."""
    if ahead is None or abs(ahead) <= CLOCK_TOLERANCE:
        return
    relation = "ahead of" if ahead > 0 else "behind"
    typer.echo(
        f"warning: This machine's clock is {abs(ahead):.0f} s {relation} that of the bridge of {session},"
        " whose times are shown. Synchronise both clocks.",
        err=True,
    )


def budget_text(budget: SendBudget | None) -> str:
    """For example "5 · new 1 (17/50 today)": answers and first messages that could leave at once."""
    if budget is None:
        return "no limit"
    first = budget.first_messages
    limit = "" if first.per_day is None else f"/{first.per_day}"
    today = "" if first.today is None else f" ({first.today}{limit} today)"
    answers = "no limit" if budget.answers.left is None else str(budget.answers.left)
    return f"{answers} · new {'no limit' if first.left is None else first.left}{today}"


def held(one: SessionStatus) -> Iterator[str]:
    """A sentence for each thing that holds messages."""
    if one.limits is not None and one.limits.reach_out_locked_until is not None:
        yield f"WhatsApp lets no first messages through until {clock_time(one.limits.reach_out_locked_until)}."
    if one.budget is not None and one.budget.quiet_until is not None:
        yield f"Quiet hours hold bulk messages until {clock_time(one.budget.quiet_until)}."


def table(found: list[SessionStatus], *, narrow: bool) -> Table:
    """`narrow`: for a terminal that has no room for the figures."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=SIMPLE, pad_edge=False)
    headings: tuple[str, ...] = ("session", "state", "since", "last message", "to send", "budget", "owner")
    if narrow:  # the meaning says what to do: it must not be the column that does not fit
        headings = headings[:3]
    for heading in headings:
        rows.add_column(heading, no_wrap=True)
    rows.add_column("meaning", overflow="fold", min_width=24)
    for one in found:
        figures = (
            clock_time(one.last_inbound) if one.last_inbound else "–",
            str(one.queue.out) if one.queue else "–",
            budget_text(one.budget),
            one.owner,
        )
        state = Text(one.state, style=_COLOUR.get(one.state, "red"))
        meaning = Text(printable(" ".join([one.text, *held(one)])))
        rows.add_row(one.session, state, clock_time(one.since), *(() if narrow else figures), meaning)
    return rows
