"""Whether messages are recorded and answered now, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.sql.database import SqlDatabase
from responder.store.rows import Lease
from responder.transports import Transport


@dataclass(frozen=True, slots=True)
class Health:
    """Reads the state of the parts; owns none of it."""

    database: SqlDatabase
    transport: Transport
    leases: Mapping[str, Lease]

    def problems(self) -> list[str]:
        """What is missing now: `database`, `broker`, `bridge`, `sender`, `leases`. Empty when everything works."""
        problems = []
        if self.database.trouble is not None:
            problems.append("database")
        if (problem := self.transport.problem()) is not None:
            problems.append(problem)
        if not self.leases:
            problems.append("leases")  # not taken yet, or other replicas hold all of them
        return problems
