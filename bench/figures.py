"""Figures and their goals: percentiles, verdicts, and the table in two forms. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: the middle of several runs with the span from the best to the worst."""

    what: str
    unit: str
    runs: tuple[float, ...]
    goal: float | None = None
    more_is_better: bool = False
    raw: bool = False

    @property
    def middle(self) -> float:
        """What is compared with the goal: the middle run, since a machine that others use disturbs some."""
        return statistics.median(self.runs)

    @property
    def reached(self) -> bool | None:
        """None without a goal."""
        if self.goal is None:
            return None
        return self.middle >= self.goal if self.more_is_better else self.middle <= self.goal

    @property
    def verdict(self) -> str:
        return {True: "reached", False: "MISSED", None: ""}[self.reached]

    def cells(self) -> tuple[str, str, str, str, str]:
        """What, middle, span, goal, verdict."""
        goal = ""
        if self.goal is not None:
            goal = f"{'≥' if self.more_is_better else '≤'} {number(self.goal)} {self.unit}"
        span = f"{number(min(self.runs))} – {number(max(self.runs))}" if len(self.runs) > 1 else "one run"
        return self.what, f"{number(self.middle)} {self.unit}", span, goal, self.verdict


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(figures: Sequence[Figure]) -> str:
    """The table for docs/."""
    lines = ["| Figure | Middle | Span of the runs | Goal | |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(figure.cells()) + " |" for figure in figures)])
