"""Runs the course, prints the table, and with --write puts it into docs/BENCHMARKS.md.

    python -m bench [--runs 3] [--quick] [--write]

Exit code 0 whatever was reached: a figure of a busy machine is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from .course import Amounts, measure
from .figures import Figure, markdown
from .parts import ROOT, stage

REPORT = ROOT / "docs" / "BENCHMARKS.md"
BEGIN, END = "<!-- written by make bench -->\n", "<!-- until here -->\n"


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the bridge on the real path.")
    parser.add_argument("--runs", type=int, default=3, help="of everything (3)")
    parser.add_argument("--quick", action="store_true", help="a third of the messages")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    options = parser.parse_args()
    amounts = Amounts(options.runs, 200, 1500) if options.quick else Amounts(options.runs)
    before = os.getloadavg()[0]
    figures = asyncio.run(_run(amounts))
    loads = f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    where = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, {amounts.runs} runs; {loads}."
    )
    _print(figures, where)
    if options.write:
        _write(figures, where)


async def _run(amounts: Amounts) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as here:
            return await measure(here, amounts)


def _print(figures: list[Figure], where: str) -> None:
    table = Table(box=SIMPLE, pad_edge=False, title=where, title_justify="left")
    for heading in ("figure", "middle", "span of the runs", "goal", ""):
        table.add_column(heading)
    for figure in figures:
        style = "dim" if figure.raw else "red" if figure.reached is False else ""
        table.add_row(*figure.cells(), style=style)
    Console().print(table)


def _write(figures: list[Figure], where: str) -> None:
    """Only between the marks: what the figures mean is written by people."""
    head, _, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    REPORT.write_text(f"{head}{BEGIN}\n{where}\n\n{markdown(figures)}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
