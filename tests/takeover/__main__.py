"""`make takeover`: faults on two bridges that share a session, under load, with clocks an hour apart; prints a table.

Exit code 1 if a message was lost, one was sent twice, or both bridges were connected at once for longer than `WOKEN`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from tests.chaos.ledger import judge
from tests.chaos.load import Load
from tests.takeover.faults import FAULTS, owner_wholly_frozen
from tests.takeover.move import move
from tests.takeover.rig import Pair

#: Seconds in which a machine that was paused as a whole ends its browser when it wakes (docs/several-bridges.md).
WOKEN = 0.25


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, default=3, help="injections of each fault")
    parser.add_argument("--only", action="append", default=[], help="faults whose name contains this; may be repeated")
    parser.add_argument("--keep", type=Path, help="folder in which files and logs are kept")
    options = parser.parse_args()
    faults = [one for one in FAULTS if not options.only or any(part in one.__name__ for part in options.only)]
    rng = random.Random(options.seed)
    order = [fault for fault in faults for _ in range(options.rounds)]
    rng.shuffle(order)
    print(f"Seed {options.seed}: {len(order)} injections.", flush=True)
    moved, kept, apart = 0.0, False, True
    with tempfile.TemporaryDirectory(prefix="takeover-") as temporary:
        async with Pair(options.keep or Path(temporary), clocks=(0.0, 3600.0)) as pair:
            async with Load(cast("Any", pair), rng) as load:
                for fault in order:
                    before = pair.overlap
                    seconds = await fault(pair)
                    await load.connected()
                    apart &= pair.overlap - before <= (WOKEN if fault is owner_wholly_frozen else 0)
                    taken = "-" if seconds is None else f"{seconds:5.1f} s"
                    print(f"{fault.__name__:28} {taken:>8}  overlap {pair.overlap - before:.2f} s", flush=True)
                await load.settle()
                verdict = judge(load.ledger, load.received)
                print(verdict, flush=True)
                lost = [name for name in load.ledger.done if name not in load.ledger.events]
                print(*(f"act lost: {name}" for name in lost), sep="\n", flush=True)
            print(f"overlap {pair.overlap:.2f} s", flush=True)
        if not options.only:
            moved = await move((options.keep or Path(temporary)) / "move")
            print(f"wa session move: overlap {moved:.2f} s", flush=True)
            kept = not (verdict.lost or verdict.sent_twice or verdict.commands_lost or verdict.unanswered)
    return 0 if kept and apart and moved == 0 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
