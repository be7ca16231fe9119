"""What a fault is to the campaign that injects it."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass

from tests.chaos.ground import Disk
from tests.chaos.load import Load
from tests.chaos.rig import Rig


@dataclass(slots=True)
class Scene:
    """Where a fault happens."""

    rig: Rig
    load: Load
    rng: random.Random
    disk: Disk | None = None


class Fault(ABC):
    """One kind of fault."""

    #: The row in the table.
    name: str
    #: Whether the suite's short run takes it.
    short: bool = False
    #: Whether readers are to be told that the store is another one, and get what it holds again.
    new_epoch: bool = False
    #: Whether it needs a disk of its own under the bridge's data, so root.
    own_disk: bool = False

    @abstractmethod
    async def strike(self, scene: Scene) -> float | None:
        """Inject once and mend what does not mend itself.

        Returns the moment (monotonic) from which the path to WhatsApp was down; None where it was not.
        """
