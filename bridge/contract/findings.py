"""The result of a check: one sentence about the state, one with advice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, but may stop working, or does not work as intended
    FAULT = "fault"  # the bridge cannot work

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `check` names the part, and the session if it belongs to one."""

    level: Level
    check: str
    what: str
    advice: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def ok(check: str, what: str) -> Finding:
    return Finding(Level.OK, check, what)


def warning(check: str, what: str, advice: str) -> Finding:
    return Finding(Level.WARNING, check, what, advice)


def fault(check: str, what: str, advice: str) -> Finding:
    return Finding(Level.FAULT, check, what, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """The highest level; OK if there are no findings."""
    return max((finding.level for finding in findings), key=lambda level: level.rank, default=Level.OK)
