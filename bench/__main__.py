"""Runs the course, prints the table, and with --write puts it into docs/BENCHMARKS.md.

    python -m bench [--runs 3] [--quick] [--write]

Exit code 0 whatever was reached: a figure of a busy machine is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench.figures import Figure
from bench.parts import ROOT, stage
from bench.report import REPORT, announce
from bench.run import Amounts, measure

BEGIN, END = "<!-- written by make bench -->\n", "<!-- until here -->\n"


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the bridge on the real path.")
    parser.add_argument("--runs", type=int, default=3, help="of everything (3)")
    parser.add_argument("--quick", action="store_true", help="a third of the messages")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    options = parser.parse_args()
    amounts = Amounts(options.runs, 200, 1500) if options.quick else Amounts(options.runs)
    announce(lambda: asyncio.run(_run(amounts)), BEGIN, END, write=options.write, runs=amounts.runs)


async def _run(amounts: Amounts) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as here:
            return await measure(here, amounts)


if __name__ == "__main__":
    main()
