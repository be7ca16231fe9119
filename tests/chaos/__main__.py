"""`make chaos`: every fault, again and again, bounded in time; the table on the screen and, if wished, in the docs."""

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
from tests.chaos.faults import FAULTS, OFTEN
from tests.chaos.report import load, save, show, write


async def main() -> int:
    """Exit code 1 where a promise was broken."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # programs and mounts go with it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, default=20, help="times each fault; a quarter for those that are rare")
    parser.add_argument("--minutes", type=float, default=240, help="faults that have not begun by then are left out")
    parser.add_argument("--only", action="append", default=[], help="faults whose name holds this; may be repeated")
    parser.add_argument("--write", type=Path, help="a document whose table is replaced")
    parser.add_argument("--save", type=Path, help="a file for the rows, a JSON line each")
    parser.add_argument("--load", type=Path, action="append", default=[], help="rows of earlier runs, put in front")
    parser.add_argument("--keep", type=Path, help="where files and evidence of the runs stay")
    options = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not (options.only or options.load) or any(part in fault.name for part in options.only)
    ]
    if os.geteuid():
        for fault in (fault for fault in chosen if fault.own_disk):
            print(f"Left out, since it mounts a disk as root: {fault.name}")
        chosen = [fault for fault in chosen if not fault.own_disk]
    print(f"Seed {options.seed}, {options.rounds} times each of {len(chosen)} faults.", flush=True)
    deadline = time.monotonic() + 60 * options.minutes
    began, rows = datetime.now(UTC), [row for path in options.load for row in load(path)]
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = options.keep or Path(temporary)
        for number, fault in enumerate(chosen):
            if time.monotonic() > deadline:
                break
            times = options.rounds if fault in OFTEN else max(1, options.rounds // 4)
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
