"""The screen of `wa up`: each session's state, the QR code to scan, and command lines to copy.

On a terminal, states and QR code are updated in place at the bottom; otherwise each change is one line.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import segno
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from bridge.app import SessionHost
from bridge.contract.session import SessionState

_COLOURS = {
    SessionState.CONNECTED: "bold green",
    SessionState.PAIRING: "bold yellow",
    SessionState.ERROR: "bold red",
    SessionState.PAGE_CHANGED: "bold red",
    SessionState.CONFLICT: "bold red",
    SessionState.LOGGED_OUT: "bold red",
    SessionState.UNREACHABLE: "bold red",
    SessionState.RECONNECTING: "yellow",
    SessionState.STANDBY: "blue",
    SessionState.STOPPED: "dim",
    SessionState.OFFLINE: "dim",
}
#: Seconds between two polls of the sessions.
REFRESH = 0.25


@dataclass(frozen=True, slots=True)
class Hint:
    """A command line or address to copy, with its purpose."""

    what: str
    line: str


def qr_text(code: str) -> str:
    """A QR code drawn with half blocks."""
    out = io.StringIO()
    segno.make_qr(code, error="l").terminal(out, compact=True, border=2)
    return out.getvalue()


class ScreenLog(logging.Handler):
    """Log lines among the others of the screen, unwrapped. `timed`: with their local time, which a start needs not."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.timed = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            error = record.levelno >= logging.ERROR
            mark, style = (
                ("✗", "red") if error else ("!", "yellow") if record.levelno >= logging.WARNING else ("·", "dim")
            )
            time = datetime.fromtimestamp(record.created, UTC).astimezone()
            at = f"{time.isoformat(' ', 'seconds')} " if self.timed else ""
            self._console.print(Text(f"{mark} {at}{self.format(record)}", style=style), soft_wrap=True)
        except Exception:  # noqa: BLE001 - a log line must not end the bridge
            self.handleError(record)


class Screen:
    """Runs until it is cancelled; prints the hints when the first session is connected."""

    def __init__(self, console: Console, hosts: Sequence[SessionHost], hints: Sequence[Hint]) -> None:
        self._console = console
        self._hosts = hosts
        self._hints = hints
        self._printed: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._hints_printed = False

    async def run(self) -> None:
        if not self._console.is_terminal:
            while True:
                self._print_changes()
                await asyncio.sleep(REFRESH)
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                self._print_hints()
                live.update(self._board(), refresh=True)
                await asyncio.sleep(REFRESH)

    def _board(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        codes: list[RenderableType] = []
        for host in self._hosts:
            situation, view = host.view.situation, host.view
            colour = _COLOURS.get(situation.state, "cyan")
            since = datetime.fromtimestamp(view.since, UTC).astimezone().strftime("%H:%M:%S")
            table.add_row(
                Text("●", style=colour),
                Text(host.setting.name, style="bold"),
                Text(situation.state, style=colour),
                Text(f"since {since}", style="dim"),
                Text(situation.text),
            )
            if view.qr is not None:
                codes += [
                    Text(f"\n{host.setting.name}: scan this QR code", style="bold yellow"),
                    Text(qr_text(view.qr.code)),
                ]
        return Group(Text(), table, *codes, Text("Ctrl-C stops everything.", style="dim"))

    def _print_changes(self) -> None:
        for host in self._hosts:
            situation = host.view.situation
            line = f"{host.setting.name}: {situation.state}. {situation.text}"
            if self._printed.get(host.setting.name) != line:
                self._printed[host.setting.name] = line
                self._console.print(escape(line), soft_wrap=True, highlight=False)
            qr = host.view.qr
            if qr is not None and self._codes.get(host.setting.name) != qr.code:
                self._codes[host.setting.name] = qr.code
                self._console.print(Text(qr_text(qr.code)), soft_wrap=True)
        self._print_hints()

    def _print_hints(self) -> None:
        if self._hints_printed or all(host.view.situation.state is not SessionState.CONNECTED for host in self._hosts):
            return
        self._hints_printed = True
        names = ", ".join(
            host.setting.name for host in self._hosts if host.view.situation.state is SessionState.CONNECTED
        )
        self._console.print(f"[bold green]✓ {escape(names)} connected[/]")
        for hint in self._hints:
            self._console.print(f"\n[dim]{escape(hint.what)}[/]")
            # soft_wrap: a line that the terminal wraps is still copied as one line
            self._console.print(f"  {escape(hint.line)}", soft_wrap=True, highlight=False)
        self._console.print()
