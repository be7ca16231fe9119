"""Runs faults against rigs: each kind on a stack of its own, again and again under load, then counts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bridge.client import GapReason
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.ground import disk
from tests.chaos.ledger import Verdict, judge, longest_claim
from tests.chaos.load import Load
from tests.chaos.rig import Rig

#: Seconds of load before each strike, and until a page or a broker has noticed it.
CALM, NOTICED = 1.0, 0.5


@dataclass(slots=True)
class Row:
    """What one kind of fault did."""

    fault: str
    times: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    claims: list[float] = field(default_factory=list)  # seconds of a `connected` that was none, a strike each
    recoveries: list[float] = field(default_factory=list)  # seconds from the end of the fault to traffic both ways
    wrong: str = ""  # what went wrong beside the counts

    @property
    def is_kept(self) -> bool:
        """Whether everything that is promised held."""
        return not self.wrong and self.verdict.is_kept

    @property
    def recovery(self) -> tuple[float, float] | None:
        return (median(self.recoveries), max(self.recoveries)) if self.recoveries else None


async def run(fault: Fault, times: int, seed: int, folder: Path, *, deadline: float | None = None) -> Row:
    """Strike so many times (or until the deadline, monotonic), wait for the end of what is under way, and judge."""
    row, rng = Row(fault.name), random.Random(f"{seed} {fault.name}")
    ground = disk(folder / "data") if fault.own_disk else nullcontext()
    with ground as own_disk:
        async with Rig(folder) as rig, Load(rig, rng) as load:
            scene = Scene(rig, load, rng, own_disk)
            await _strikes(fault, times, scene, row, deadline)
            row.verdict = judge(load.ledger, load.left)
            if not row.is_kept:
                _keep_evidence(load, row, folder)
    return row


async def _strikes(fault: Fault, times: int, scene: Scene, row: Row, deadline: float | None) -> None:
    load = scene.load
    try:
        while row.times < times and not (deadline and time.monotonic() > deadline and row.times):
            await asyncio.sleep(CALM)
            down = await fault.strike(scene)
            row.times += 1
            healed = time.monotonic()
            await asyncio.sleep(NOTICED)
            await load.probe()
            back = time.monotonic()
            row.recoveries.append(back - healed)
            if down is not None:
                row.claims.append(longest_claim(load.samples, down, back))
    except (AssertionError, TimeoutError) as error:
        row.wrong = f"{type(error).__name__}: {error}"
    await load.settle()
    if fault.new_epoch:
        load.ledger.gaps[:] = [reason for reason in load.ledger.gaps if reason != GapReason.NEW_EPOCH]


def _keep_evidence(load: Load, row: Row, folder: Path) -> None:
    ledger, left = load.ledger, load.left
    lines: Sequence[str] = [
        f"{row.fault}: {row.verdict} {row.wrong}",
        f"gaps {ledger.gaps}",
        *(f"lost {body} in {chat}" for body, chat in ledger.written.items() if body not in load.arrived),
        *(f"twice {body}" for body, count in left.items() if count > 1),
        *(
            f"{status or 'unanswered'} {body} left {left[body]}"
            for body, status in ledger.asked.items()
            if status != "sent"
        ),
    ]
    (folder / "evidence").write_text("\n".join(lines) + "\n")
