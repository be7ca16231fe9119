"""Run all measurements and print the table; with --write also put it into docs/BENCHMARKS.md.

    python -m bench [--runs 3] [--quick] [--write]

The exit code is 0 even if goals are missed: a busy machine is not a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import many_sessions
from bench.figures import Figure
from bench.progress import Progress
from bench.report import REPORT, report
from bench.run import PARTS, Amounts, measure
from bench.stage import ROOT, stage

#: What a run and the many sessions take on two quiet cores.
MINUTES_A_RUN, MINUTES = 3.0, 2.0
BEGIN, END = "<!-- written by make bench -->\n", "<!-- end of bench -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the bridge on the real path.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (3)")
    parser.add_argument("--quick", action="store_true", help="a third of the messages, and not the many sessions")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    options = parser.parse_args()
    amounts = Amounts(options.runs, 200, 1500) if options.quick else Amounts(options.runs)
    report(lambda: asyncio.run(_run(amounts, quick=options.quick)), BEGIN, END, write=options.write, runs=amounts.runs)


async def _run(amounts: Amounts, *, quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as environment:
            parts = 1 + PARTS * amounts.runs
            progress = Progress(parts if quick else parts + 1, MINUTES_A_RUN * amounts.runs + (0 if quick else MINUTES))
            figures = await measure(environment, amounts, progress)
            if quick:
                return figures
            progress.part("many sessions")
            return [*figures, *await many_sessions.measure(environment)]


if __name__ == "__main__":
    main()
