"""The report of a run: on the screen, and between two marks of docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, markdown
from bench.parts import ROOT

REPORT = ROOT / "docs" / "BENCHMARKS.md"


def announce(measure: Callable[[], list[Figure]], begin: str, end: str, *, write: bool, runs: int) -> None:
    """Measure and show; with `write`, also put it between the marks: what the figures mean is written by people."""
    before = os.getloadavg()[0]
    figures = measure()
    where = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, {'one run' if runs == 1 else f'{runs} runs'};"
        f" load {before:.1f} before, {os.getloadavg()[0]:.1f} after."
    )
    _print(figures, where)
    if write:
        head, _, rest = REPORT.read_text(encoding="utf-8").partition(begin)
        _, _, tail = rest.partition(end)
        REPORT.write_text(f"{head}{begin}\n{where}\n\n{markdown(figures)}\n\n{end}{tail}", encoding="utf-8")


def _print(figures: Sequence[Figure], where: str) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=where, title_justify="left")
    for heading in ("figure", "middle", "span of the runs", "goal", ""):
        table.add_column(heading)
    for figure in figures:
        style = "dim" if figure.raw else "red" if figure.reached is False else ""
        table.add_row(*figure.cells(), style=style)
    Console().print(table)
