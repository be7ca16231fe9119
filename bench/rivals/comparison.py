"""Measured values of several programs side by side, and their ratios, each from one run. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import number


@dataclass(frozen=True, slots=True)
class Column:
    """A program, with the way in which messages leave it and sends reach it."""

    name: str

    def __truediv__(self, other: Column) -> str:
        return f"{self.name} ÷ {other.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity: a value of each run for each column that has it."""

    what: str
    unit: str
    runs: dict[Column, list[float]] = field(default_factory=dict)

    def add(self, column: Column, value: float) -> None:
        self.runs.setdefault(column, []).append(value)

    def ratios(self, column: Column, other: Column) -> list[float]:
        """One for each run that measured both; none where the other one is 0."""
        pairs = zip(self.runs.get(column, ()), self.runs.get(other, ()), strict=False)
        return [value / against for value, against in pairs if against]


def table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """A Markdown table of medians with their ranges."""
    lines = [_line(["", *(column.name for column in columns)]), _line(["---"] * (len(columns) + 1))]
    for row in rows:
        cells = [spread(row.runs.get(column, []), row.unit) for column in columns]
        lines.append(_line([row.what, *cells]))
    return "\n".join(lines)


def ratio_table(rows: Sequence[Row], pairs: Sequence[tuple[Column, Column]]) -> str:
    """A Markdown table of the ratios of two columns in each run: their median with its range."""
    lines = [_line(["", *(one / other for one, other in pairs)]), _line(["---"] * (len(pairs) + 1))]
    for row in rows:
        cells = [spread(row.ratios(one, other), "×") for one, other in pairs]
        if any(cells):
            lines.append(_line([row.what, *cells]))
    return "\n".join(lines)


def spread(values: Sequence[float], unit: str) -> str:
    """`3.20 ms (3.10 – 3.40)`; without the range of a single value; empty without any."""
    if not values:
        return ""
    text = f"{_short(statistics.median(values))} {unit}".rstrip()
    return text if len(values) == 1 else f"{text} ({_short(min(values))} – {_short(max(values))})"


def _short(value: float) -> str:
    """Two digits of a small ratio, which `number` would round to nothing."""
    return f"{value:.2g}" if 0 < value < 0.1 or value in (0, 1) else number(value)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
