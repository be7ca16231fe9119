"""`make cluster`: kills every node of a real cluster in turn, under load. Exit code 1 with a fault."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.cluster.trial import cluster_trial
from tests.nats_cluster import NODES, NatsCluster


async def run(rounds: int, program: str | None) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="wa-cluster-") as folder, NatsCluster(Path(folder), program) as cluster:
        async with cluster_trial(cluster, Path(folder) / "data") as trial:
            await asyncio.sleep(2)
            print("node  received again s  sent again s")
            for number in [*range(NODES)] * rounds:
                death = await trial.kill(cluster, number)
                print(f"{death.node:<5} {death.received:<17.1f} {death.sent:.1f}", flush=True)
                cluster.nodes[number].start()
                await asyncio.to_thread(cluster.nodes[number].wait, 120)
                await asyncio.sleep(2)
            await trial.settle()
        faults = trial.faults()
        print(f"{len(trial.received)} messages received, {len(trial.outcomes)} commands sent, {len(faults)} faults")
        return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each node is killed")
    parser.add_argument("--program", help="another nats-server")
    options = parser.parse_args()
    began = time.monotonic()
    faults = asyncio.run(run(options.rounds, options.program))
    for fault in faults[:20]:
        print(fault)
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
