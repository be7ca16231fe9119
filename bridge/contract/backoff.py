"""Growing pauses between attempts. Pure: the random number comes in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: `first`, then `factor` times as long after each further failure, up to `limit`.

    `jitter` is the share of each pause that is random: 1 draws from the whole of it, so that many clients of one server
    do not return at once; 0 draws nothing. After a success of `reset_after` seconds the pauses start at `first` again.
    """

    first: float
    limit: float
    factor: float = 2.0
    jitter: float = 0.0
    reset_after: float = 0.0

    def pause(self, failures: int, random: float = 1.0) -> float:
        """The pause after this many failures in a row (1 is the first); `random` is between 0 and 1."""
        grown = min(self.limit, self.first * self.factor ** min(failures - 1, 30))
        return grown * (1 - self.jitter + self.jitter * random)
