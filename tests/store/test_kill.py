"""A process that is killed loses nothing that was reported durable."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

from bridge.contract.messages import Stream
from tests.store.conftest import Opener
from tests.store.samples import claim, record, result

ROOT = Path(__file__).parents[2]


def run_until_killed(path: Path, run: str, lines: int) -> list[list[str]]:
    """The words that the program had printed when it was killed."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.store.appending_program", path, run], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        try:
            reported = list(islice(program.stdout, lines))
        finally:
            program.kill()
        reported += program.stdout
    assert len(reported) >= lines
    return [line.split() for line in reported if line.endswith("\n")]


async def test_nothing_reported_durable_is_lost_by_kill_9(opener: Opener, path: Path) -> None:
    reported: list[list[str]] = []
    for run, lines in enumerate([1, 150, 600]):
        reported += run_until_killed(path, f"run{run}", lines)
        messages = {int(number): name for what, number, name in reported if what == "in"}
        commands = {int(number): name for what, number, name in reported if what == "out"}
        async with opener() as store:
            items = (await store.journal.read(Stream.IN, 0, 1_000_000)).items
            assert [seq for seq, _ in items] == list(range(1, len(items) + 1))
            assert store.journal.bounds(Stream.IN).last == len(items)
            bodies = dict(items)
            assert len(set(bodies.values())) == len(bodies)
            assert {seq: bodies[seq] for seq in messages} == {seq: record(id_).body for seq, id_ in messages.items()}
            assert await store.journal.append([record(id_) for id_ in messages.values()]) == [None] * len(messages)

            rows = {row.number: row.claim.id for row in await store.outbox.open_rows()}
            assert rows | commands == rows
            assert store.outbox.open_count == len(rows) == len(set(rows.values()))
            # Each row came with its notice, reported or not.
            notices = [notice.body for notice in await store.outbox.unpublished(0, 1_000_000)]
            assert notices == list(rows.values())
            for number, command_id in islice(commands.items(), 20):
                repeated = await store.outbox.claim(claim(command_id), result())
                assert (repeated.fresh, repeated.row.number) == (False, number)
