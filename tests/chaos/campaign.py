"""Run a campaign: inject each kind of fault repeatedly into its own stack under load, then judge the ledger."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bridge.client import GapReason
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.ledger import Verdict, disorder, false_connected, judge
from tests.chaos.load import Load
from tests.chaos.rig import Rig
from tests.chaos.scratch_disk import scratch_disk

#: Seconds of load before each fault, and seconds until a page or a broker has noticed it.
CALM, NOTICE = 1.0, 0.5


@dataclass(slots=True)
class Row:
    """Results of one kind of fault."""

    fault: str
    times: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    false_connected: list[float] = field(default_factory=list)  # seconds of a false `connected`, per injection
    recoveries: list[float] = field(default_factory=list)  # seconds from the end of the fault to traffic both ways
    wrong: str = ""  # an error that the counts do not show

    @property
    def is_kept(self) -> bool:
        """Whether every guarantee held."""
        return not self.wrong and self.verdict.is_kept

    @property
    def recovery(self) -> tuple[float, float] | None:
        return (median(self.recoveries), max(self.recoveries)) if self.recoveries else None


async def run(fault: Fault, times: int, seed: int, folder: Path, *, deadline: float | None = None) -> Row:
    """Inject `times` times (or until the deadline, monotonic), wait for open work, and judge."""
    row, rng = Row(fault.name), random.Random(f"{seed} {fault.name}")
    data_disk = scratch_disk(folder / "data") if fault.own_disk else nullcontext()
    with data_disk as own_disk:
        async with Rig(folder) as rig, Load(rig, rng) as load:
            scene = Scene(rig, load, rng, own_disk)
            await _inject_all(fault, times, scene, row, deadline)
            row.verdict = judge(load.ledger, load.received)
            if not row.is_kept:
                _keep_evidence(load, row, folder)
    return row


async def _inject_all(fault: Fault, times: int, scene: Scene, row: Row, deadline: float | None) -> None:
    load = scene.load
    try:
        while row.times < times and not (deadline and time.monotonic() > deadline and row.times):
            await asyncio.sleep(CALM)
            down = await fault.inject(scene)
            row.times += 1
            ended = time.monotonic()
            await asyncio.sleep(NOTICE)
            await load.probe()
            back = time.monotonic()
            row.recoveries.append(back - ended)
            if down is not None:
                row.false_connected.append(false_connected(load.samples, down, back))
    except (AssertionError, TimeoutError) as error:
        row.wrong = f"{type(error).__name__}: {error}"
    await load.settle()
    if fault.new_epoch:
        load.ledger.gaps[:] = [reason for reason in load.ledger.gaps if reason != GapReason.NEW_EPOCH]


def _keep_evidence(load: Load, row: Row, folder: Path) -> None:
    ledger, received = load.ledger, load.received
    lines: Sequence[str] = [
        f"{row.fault}: {row.verdict} {row.wrong}",
        f"gaps {ledger.gaps}",
        *(f"lost {body} in {chat}" for body, chat in ledger.written.items() if body not in load.arrived),
        *(f"out of order {body} in {ledger.written[body]}" for body in disorder(ledger.read, ledger.written)),
        *(f"garbled {message}" for message in ledger.garbled),
        *(f"act lost {name}" for name in ledger.done if name not in ledger.events),
        *(f"act twice {name}" for name, count in Counter(ledger.events).items() if count > 1),
        *(
            f"file of {name} is {ledger.ready.get(name)}"
            for name, sha in ledger.files.items()
            if ledger.ready.get(name) != sha
        ),
        *(f"twice {body}" for body, count in received.items() if count > 1),
        *(
            f"{status or 'unanswered'} {body} received {received[body]}"
            for body, status in ledger.commands.items()
            if status != "sent" or not received[body]
        ),
    ]
    (folder / "evidence").write_text("\n".join(lines) + "\n")
