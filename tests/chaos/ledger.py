"""What was written, what arrived, what was asked for and what left; and the verdict over them. Pure.

"Lost" and "sent twice" are counted against the sandbox, which is WhatsApp's side: it knows what came to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """One run's accounts. Bodies are unique; `chat` is any name that is the same for all messages of a chat."""

    written: dict[str, str] = field(default_factory=dict)  # body -> chat, in the order of writing
    read: list[str] = field(default_factory=list)  # bodies, as `bridge.client` yielded them
    read_anew: list[str] = field(default_factory=list)  # bodies that came again because the store is another one
    heard: list[str] = field(default_factory=list)  # bodies, as a plain subscriber got them
    asked: dict[str, str] = field(default_factory=dict)  # body -> status of the final result; "" = none yet
    published: dict[str, bool] = field(default_factory=dict)  # body -> whether mosquitto_pub reported success
    gaps: list[str] = field(default_factory=list)  # what the reader was told about


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of one run."""

    messages: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    plain_missed: int = 0
    plain_repeated: int = 0
    commands: int = 0
    commands_lost: int = 0
    sent_twice: int = 0
    unknown: int = 0
    unknown_left: int = 0
    failed: int = 0
    unanswered: int = 0
    plain_commands: int = 0
    plain_commands_lost: int = 0
    gaps: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether everything that is promised held."""
        broken = (self.lost, self.duplicated, self.out_of_order, self.commands_lost, self.sent_twice, self.unanswered)
        return not any(broken) and not self.gaps


def judge(ledger: Ledger, left: Mapping[str, int]) -> Verdict:
    """`left` = how often each text reached WhatsApp."""
    read, heard = Counter(ledger.read), Counter(ledger.heard)
    statuses = Counter(ledger.asked.values())
    return Verdict(
        messages=len(ledger.written),
        lost=sum(body not in read for body in ledger.written),
        duplicated=sum(count - 1 for body, count in read.items() if body in ledger.written),
        out_of_order=disorder(ledger.read, ledger.written),
        plain_missed=sum(body not in heard for body in ledger.written),
        plain_repeated=sum(count - 1 for body, count in heard.items() if body in ledger.written),
        commands=len(ledger.asked),
        commands_lost=sum(status == "sent" and not left.get(body) for body, status in ledger.asked.items()),
        sent_twice=sum(max(0, left.get(body, 0) - 1) for body in (*ledger.asked, *ledger.published)),
        unknown=statuses["unknown"],
        unknown_left=sum(status == "unknown" and bool(left.get(body)) for body, status in ledger.asked.items()),
        failed=statuses["failed"],
        unanswered=statuses[""],
        plain_commands=sum(ledger.published.values()),
        plain_commands_lost=sum(ok and not left.get(body) for body, ok in ledger.published.items()),
        gaps=len(ledger.gaps),
    )


def disorder(read: Iterable[str], written: Mapping[str, str]) -> int:
    """How many messages came after a later one of their chat; repetitions are not counted."""
    place = {body: number for number, body in enumerate(written)}
    newest: dict[str, int] = {}
    seen: set[str] = set()
    wrong = 0
    for body in read:
        if body not in place or body in seen:
            continue
        seen.add(body)
        chat = written[body]
        wrong += place[body] < newest.get(chat, -1)
        newest[chat] = max(newest.get(chat, -1), place[body])
    return wrong


def longest_claim(samples: Iterable[tuple[float, str]], since: float, until: float) -> float:
    """For how long after `since` a reader was still shown `connected`; 0 where it was not, `until` bounds it."""
    state, claimed_until = "", since
    for at, told in samples:
        if at > until:
            break
        if at > since:
            if state != "connected":
                break
            claimed_until = at
        state = told
    else:
        if state == "connected":
            claimed_until = until
    return claimed_until - since
