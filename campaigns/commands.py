"""The ids of a campaign's commands. Pure.

`campaign/<id>/<n>`, with `/yes` for the text after a question, and a number from the second attempt on: an attempt that
provably sent nothing has used up its id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from bridge.contract.campaigns import COMMAND_PREFIX

_ID = re.compile(rf"{COMMAND_PREFIX}/([A-Za-z0-9_-]{{1,40}})/(\d{{1,9}})(/yes)?(?:/(\d{{1,9}}))?")


@dataclass(frozen=True, slots=True)
class CampaignCommand:
    """One command: a recipient, its stage (1: the text after a yes) and its attempt, from 1."""

    campaign: str
    n: int
    stage: int = 0
    attempt: int = 1

    @classmethod
    def parse(cls, command_id: str) -> Self | None:
        """The command of an id; None for one that belongs to no campaign."""
        found = _ID.fullmatch(command_id)
        if found is None:
            return None
        return cls(found[1], int(found[2]), 1 if found[3] else 0, int(found[4] or 1))

    def __str__(self) -> str:
        stage = "/yes" if self.stage else ""
        attempt = f"/{self.attempt}" if self.attempt > 1 else ""
        return f"{COMMAND_PREFIX}/{self.campaign}/{self.n}{stage}{attempt}"
