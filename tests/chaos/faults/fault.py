"""What a fault is to the campaign that injects it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.load import Load
from tests.chaos.rig import Rig


@dataclass(slots=True)
class Scene:
    """Where a fault happens."""

    rig: Rig
    load: Load
    rng: random.Random


class Fault(Protocol):
    """One kind of fault."""

    name: str
    #: The row in the table, and whether the suite's short run takes it.
    short: bool

    async def strike(self, scene: Scene) -> float | None:
        """Inject once and mend what does not mend itself.

        Returns the moment (monotonic) from which the path to WhatsApp was down; None where it was not.
        """
