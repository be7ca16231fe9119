"""Report of a run: printed, and written between two markers of docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, markdown
from bench.stage import ROOT

REPORT = ROOT / "docs" / "BENCHMARKS.md"


def report(measure: Callable[[], list[Figure]], begin: str, end: str, *, write: bool, runs: int) -> None:
    """Measure and print; with `write`, also replace the table between the markers `begin` and `end`."""
    before = os.getloadavg()[0]
    figures = measure()
    heading = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, {'one run' if runs == 1 else f'{runs} runs'};"
        f" load {before:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    _print(figures, heading)
    if write:
        head, _, rest = REPORT.read_text(encoding="utf-8").partition(begin)
        _, _, tail = rest.partition(end)
        REPORT.write_text(f"{head}{begin}\n{heading}\n\n{markdown(figures)}\n\n{end}{tail}", encoding="utf-8")


def _print(figures: Sequence[Figure], heading: str) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=heading, title_justify="left")
    for column in ("figure", "median", "range of the runs", "goal", ""):
        table.add_column(column)
    for figure in figures:
        style = "dim" if figure.raw else "red" if figure.is_met is False else ""
        table.add_row(*figure.cells(), style=style)
    Console().print(table)
