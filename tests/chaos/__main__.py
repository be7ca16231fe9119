"""`make chaos`: every fault, again and again, bounded in time; the table on the screen and, if wished, in the docs."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.campaign import Row, run
from tests.chaos.faults import FAULTS
from tests.chaos.report import show, write


async def main() -> int:
    """Exit code 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, default=20, help="times each fault")
    parser.add_argument("--minutes", type=float, default=240, help="faults that have not begun by then are left out")
    parser.add_argument("--only", action="append", default=[], help="faults whose name holds this; may be repeated")
    parser.add_argument("--write", type=Path, help="a document whose table is replaced")
    parser.add_argument("--skip", type=int, default=0, help="so many faults from the beginning")
    parser.add_argument("--keep", type=Path, help="where files and evidence of the runs stay")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.only or any(part in fault.name for part in options.only)]
    chosen = chosen[options.skip :]
    print(f"Seed {options.seed}, {options.rounds} times each of {len(chosen)} faults.", flush=True)
    deadline = time.monotonic() + 60 * options.minutes
    began, rows = datetime.now(UTC), list[Row]()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = options.keep or Path(temporary)
        for number, fault in enumerate(chosen):
            if time.monotonic() > deadline:
                break
            rows.append(await run(fault, options.rounds, options.seed, folder / f"{number:02}", deadline=deadline))
            show(rows[-1:])
    show(rows)
    if options.write:
        write(options.write, rows, options.seed, began)
    return 0 if rows and all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
