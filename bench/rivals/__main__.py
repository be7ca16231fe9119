"""Compare with the other ways, measure the curves, and compute what many numbers need.

    python -m bench.rivals [--short] [--write]        (make rivals installs what it needs and runs it)

The whole takes about ten minutes, `--short` about four: one run, smaller sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.curves.capacity import Costs, capacity_table, costs_line
from bench.curves.run import CURVES as CURVE_PARTS
from bench.curves.run import SHORT as SHORT_CURVES
from bench.curves.run import Curves, Sizes, draw, measure
from bench.curves.run import markdown as curve_tables
from bench.progress import Progress
from bench.report import head_line, put
from bench.rivals.contenders import FOLDER
from bench.rivals.run import CONTENDERS, OURS_MQTT, OURS_WEBHOOK, SHORT, Amounts, Rows, compare
from bench.rivals.run import markdown as comparison_tables
from bench.stage import stage

#: What the whole and the short one take on two quiet cores.
MINUTES, SHORT_MINUTES = 10.0, 4.0
COMPARED = ("<!-- written by make rivals: comparison -->\n", "<!-- end of comparison -->\n")
CURVES = ("<!-- written by make rivals: curves -->\n", "<!-- end of curves -->\n")
CAPACITY = ("<!-- written by make rivals: capacity -->\n", "<!-- end of capacity -->\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.rivals", description="Compare, measure curves, compute capacity.")
    parser.add_argument("--short", action="store_true", help="one run with smaller sizes")
    parser.add_argument("--write", action="store_true", help="write the tables and the picture into docs")
    options = parser.parse_args()
    if not (FOLDER / "node_modules" / "whatsapp-web.js").is_dir():
        sys.exit("The other programs are not installed: make rivals")
    amounts, sizes = (SHORT, SHORT_CURVES) if options.short else (Amounts(), Sizes())
    before = os.getloadavg()[0]
    rows, measured = asyncio.run(_run(amounts, sizes, SHORT_MINUTES if options.short else MINUTES))
    heading, costs = head_line(before, amounts.runs), measured_costs(rows, measured)
    texts = (
        (f"{heading}\n\n{comparison_tables(rows)}", *COMPARED),
        (f"{heading}\n\n{curve_tables(measured)}", *CURVES),
        (f"Measured: {costs_line(costs)}\n\n{capacity_table(costs)}", *CAPACITY),
    )
    for text, begin, end in texts:
        sys.stdout.write(f"{text}\n\n")
        if options.write:
            put(text, begin, end)
    if options.write:
        asyncio.run(draw(measured))


async def _run(amounts: Amounts, sizes: Sizes, minutes: float) -> tuple[Rows, Curves]:
    progress = Progress(CONTENDERS * (1 + amounts.runs) + CURVE_PARTS, minutes)
    with tempfile.TemporaryDirectory(prefix="wa-bench-") as folder:
        async with stage(Path(folder)) as environment:
            rows = await compare(environment, amounts, progress)
            return rows, await measure(environment, sizes, progress)


def measured_costs(rows: Rows, points: Curves) -> Costs:
    """Slopes between the smallest and the largest size; medians of the runs. Pure."""
    one, most = points.sessions[0], points.sessions[-1]
    further = most.sessions - one.sessions
    session_mb = (most.total - one.total) / further
    fan = points.subscribers[-1]
    return Costs(
        bridge_mb=max(0.0, one.total - session_mb * one.sessions),
        session_mb=session_mb,
        idle_cores=max(0.0, most.cpu - one.cpu) / further,
        message_cpu=statistics.median(rows.cpu.runs[OURS_MQTT]) / 1000,
        send_cpu=statistics.median(rows.send_cpu.runs[OURS_WEBHOOK]) / 1000,
        delivery_cpu=fan.cpu / 1000 / fan.subscribers,
        start=most.seconds / most.sessions,  # they start in turn
        row=points.commands[-1].size,
    )


if __name__ == "__main__":
    main()
