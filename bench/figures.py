"""Figures and their goals: percentiles, verdicts and table rows. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: the median of several runs with their range."""

    what: str
    unit: str
    runs: tuple[float, ...]
    goal: float | None = None
    more_is_better: bool = False
    raw: bool = False

    @property
    def median(self) -> float:
        """Compared with the goal; a shared machine disturbs single runs."""
        return statistics.median(self.runs)

    @property
    def is_met(self) -> bool | None:
        """None without a goal."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.more_is_better else self.median <= self.goal

    @property
    def verdict(self) -> str:
        return {True: "met", False: "MISSED", None: ""}[self.is_met]

    def cells(self) -> tuple[str, str, str, str, str]:
        """What, median, range, goal, verdict."""
        goal = ""
        if self.goal is not None:
            goal = f"{'≥' if self.more_is_better else '≤'} {number(self.goal)} {self.unit}"
        spread = f"{number(min(self.runs))} – {number(max(self.runs))}" if len(self.runs) > 1 else "one run"
        return self.what, f"{number(self.median)} {self.unit}", spread, goal, self.verdict


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, which is always a measured value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def number(value: float) -> str:
    """With three significant digits."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(figures: Sequence[Figure]) -> str:
    lines = ["| Figure | Median | Range of the runs | Goal | |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(figure.cells()) + " |" for figure in figures)])
