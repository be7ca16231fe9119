"""Report of a run: printed, and written between two markers of docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

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
    heading = head_line(before, runs)
    _print(figures, heading)
    if write:
        put(f"{heading}\n\n{markdown(figures)}", begin, end)


def head_line(load_before: float, runs: int) -> str:
    """When and where it was measured, and the load before and now."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, {'one run' if runs == 1 else f'{runs} runs'};"
        f" load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after."
    )


def put(text: str, begin: str, end: str, path: Path = REPORT) -> None:
    """Replace what stands between two markers of the report's file. Raises ValueError if it has no such markers."""
    head, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no {begin.strip()} … {end.strip()}")
    path.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}", encoding="utf-8")


def _print(figures: Sequence[Figure], heading: str) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=heading, title_justify="left")
    for column in ("figure", "median", "range of the runs", "goal", ""):
        table.add_column(column)
    for figure in figures:
        style = "dim" if figure.raw else "red" if figure.is_met is False else ""
        table.add_row(*figure.cells(), style=style)
    Console().print(table)
