"""What a check found: one sentence on how things are, one on what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and may not for long or not as it should
    FAULT = "fault"  # the bridge cannot do its work like this

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `check` names the part, with the session where it belongs to one."""

    level: Level
    check: str
    what: str
    advice: str | None = None

    def to_json(self) -> str:
        """For programs: one JSON document."""
        return json.dumps(asdict(self), ensure_ascii=False)


def ok(check: str, what: str) -> Finding:
    return Finding(Level.OK, check, what)


def warning(check: str, what: str, advice: str) -> Finding:
    """Something to look after."""
    return Finding(Level.WARNING, check, what, advice)


def fault(check: str, what: str, advice: str) -> Finding:
    return Finding(Level.FAULT, check, what, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among them."""
    return max((finding.level for finding in findings), key=lambda level: level.rank, default=Level.OK)
