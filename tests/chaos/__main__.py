"""`make chaos`: inject every fault repeatedly, within a time limit; prints the table and optionally writes the docs."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.campaign import run
from tests.chaos.faults import COMMON, FAULTS
from tests.chaos.report import load, save, show, write


async def main() -> int:
    """Exit code 1 if a guarantee was broken."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # also ends programs and mounts
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, default=20, help="injections of each fault; a quarter for rare faults")
    parser.add_argument("--minutes", type=float, default=240, help="faults that have not started by then are skipped")
    parser.add_argument("--only", action="append", default=[], help="faults whose name contains this; may be repeated")
    parser.add_argument("--write", type=Path, help="document whose table is replaced")
    parser.add_argument("--save", type=Path, help="file for the rows, one JSON line each")
    parser.add_argument("--load", type=Path, action="append", default=[], help="rows of earlier runs, added before")
    parser.add_argument("--keep", type=Path, help="folder in which files and evidence of the runs are kept")
    options = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not (options.only or options.load) or any(part in fault.name for part in options.only)
    ]
    if os.geteuid():
        for fault in (fault for fault in chosen if fault.own_disk):
            print(f"Skipped, because mounting a disk needs root: {fault.name}")
        chosen = [fault for fault in chosen if not fault.own_disk]
    print(f"Seed {options.seed}: {len(chosen)} faults, {options.rounds} injections each.", flush=True)
    deadline = time.monotonic() + 60 * options.minutes
    began, rows = datetime.now(UTC), [row for path in options.load for row in load(path)]
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        for number, fault in enumerate(chosen):
            if time.monotonic() > deadline:
                break
            times = options.rounds if fault in COMMON else max(1, options.rounds // 4)
            rows.append(await run(fault, times, options.seed, folder / f"{number:02}", deadline=deadline))
            show(rows[-1:])
            if options.save:
                save(options.save, rows)
    order = [fault.name for fault in FAULTS]
    rows.sort(key=lambda row: order.index(row.fault))
    show(rows)
    if options.write:
        write(options.write, rows, options.seed, began)
    return 0 if rows and all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
