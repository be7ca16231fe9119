"""The interface of a fault."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass

from tests.chaos.load import Load
from tests.chaos.rig import Rig
from tests.chaos.scratch_disk import Disk


@dataclass(slots=True)
class Scene:
    """The stack that a fault is injected into."""

    rig: Rig
    load: Load
    rng: random.Random
    disk: Disk | None = None


class Fault(ABC):
    """One kind of fault."""

    #: Name of the row in the table.
    name: str
    #: Whether the short campaign of the test suite includes it.
    short: bool = False
    #: Whether readers must be notified of a new epoch and receive the store's content again.
    new_epoch: bool = False
    #: Whether the bridge's data must be on a separate disk, which needs root.
    own_disk: bool = False

    @abstractmethod
    async def inject(self, scene: Scene) -> float | None:
        """Inject once, and repair what does not recover by itself.

        Returns the time (monotonic) since when the path to WhatsApp was down; None if it was not.
        """
