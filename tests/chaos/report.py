"""The table of a campaign: printed, and written between two markers of a document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.campaign import Row
from tests.chaos.ledger import Verdict

COLUMNS = (
    "fault",
    "times",
    "messages",
    "lost",
    "duplicated",
    "out of order",
    "acts lost/twice",
    "files wrong",
    "commands",
    "lost",
    "sent twice",
    "unknown (sent)",
    "failed",
    "plain sub missed/repeated",
    "plain pub lost",
    "false connected, s",
    "recovery, s p50/max",
    "kept",
)
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def cells(row: Row) -> tuple[str, ...]:
    """The columns of a row."""
    v, recovery = row.verdict, row.recovery
    return (
        row.fault,
        str(row.times),
        str(v.messages),
        str(v.lost),
        str(v.duplicated),
        str(v.out_of_order),
        f"{v.acts_lost}/{v.acts_repeated} of {v.acts}",
        f"{v.files_wrong} of {v.files}",
        str(v.commands),
        str(v.commands_lost + v.unanswered),
        str(v.sent_twice),
        f"{v.unknown} ({v.unknown_sent})" if v.unknown else "0",
        str(v.failed),
        f"{v.plain_missed}/{v.plain_repeated}",
        f"{v.plain_commands_lost} of {v.plain_commands}",
        f"{max(row.false_connected):.1f}" if row.false_connected else "–",
        f"{recovery[0]:.1f}/{recovery[1]:.1f}" if recovery else "–",
        "yes" if row.is_kept else f"NO {row.wrong}",
    )


def show(rows: Sequence[Row]) -> None:
    table = Table(*COLUMNS, title="Under faults")
    for row in rows:
        table.add_row(*cells(row), style=None if row.is_kept else "bold red")
    Console(width=200).print(table)


def markdown(rows: Sequence[Row], seed: int, began: datetime) -> str:
    """The table for the document."""
    lines = [
        f"Measured {began:%Y-%m-%d}, seed {seed}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(cells(row))} |" for row in rows),
    ]
    return "\n".join(lines)


def save(path: Path, rows: Sequence[Row]) -> None:
    """One JSON line per row."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))


def load(path: Path) -> list[Row]:
    """Rows that `save` has written."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Row(**{**row, "verdict": Verdict(**row["verdict"])}) for row in rows]


def write(path: Path, rows: Sequence[Row], seed: int, began: datetime) -> None:
    """Replace the table between the markers. Raises ValueError if they are missing."""
    text = path.read_text(encoding="utf-8")
    new, count = re.subn(
        f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{markdown(rows, seed, began)}\n{END}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{path} has no markers for the table: {BEGIN} … {END}")
    path.write_text(new, encoding="utf-8")
