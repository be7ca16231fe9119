"""Ledger of messages and commands of a run, and the verdict. Pure.

"Lost" and "sent twice" are counted against the sandbox, which is WhatsApp's side and knows what it received.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """Records of one run. Bodies are unique; `chat` is any name that all messages of a chat share."""

    written: dict[str, str] = field(default_factory=dict)  # body -> chat, in order of writing
    read: list[str] = field(default_factory=list)  # bodies, as `bridge.client` yielded them
    read_again: list[str] = field(default_factory=list)  # bodies repeated because of a new epoch
    plain_read: list[str] = field(default_factory=list)  # bodies, as a plain subscriber received them
    commands: dict[str, str] = field(default_factory=dict)  # body -> status of the final result; "" = none yet
    published: dict[str, bool] = field(default_factory=dict)  # body -> whether mosquitto_pub reported success
    gaps: list[str] = field(default_factory=list)  # reasons reported to the reader
    done: list[str] = field(default_factory=list)  # acts of contacts on messages
    events: list[str] = field(default_factory=list)  # the acts that the reader's events reported
    files: dict[str, str] = field(default_factory=dict)  # message -> SHA-256 of its file
    ready: dict[str, str] = field(default_factory=dict)  # message -> SHA-256 of the bytes that the bridge has
    garbled: list[str] = field(default_factory=list)  # messages whose content is not what was written


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of one run."""

    messages: int = 0
    garbled: int = 0
    acts: int = 0
    acts_lost: int = 0
    acts_repeated: int = 0
    files: int = 0
    files_wrong: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    plain_missed: int = 0
    plain_repeated: int = 0
    commands: int = 0
    commands_lost: int = 0
    sent_twice: int = 0
    unknown: int = 0
    unknown_sent: int = 0
    failed: int = 0
    unanswered: int = 0
    plain_commands: int = 0
    plain_commands_lost: int = 0
    gaps: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether every guarantee held."""
        received = (self.lost, self.duplicated, self.out_of_order, self.garbled, self.files_wrong, self.gaps)
        acts = (self.acts_lost, self.acts_repeated)
        return not any((*received, *acts, self.commands_lost, self.sent_twice, self.unanswered))


def judge(ledger: Ledger, received: Mapping[str, int]) -> Verdict:
    """`received` = how often each text reached WhatsApp."""
    read, plain_read = Counter(ledger.read), Counter(ledger.plain_read)
    events = Counter(ledger.events)
    statuses = Counter(ledger.commands.values())
    return Verdict(
        messages=len(ledger.written),
        garbled=len(ledger.garbled),
        acts=len(ledger.done),
        acts_lost=sum(name not in events for name in ledger.done),
        acts_repeated=sum(events[name] - 1 for name in ledger.done if name in events),
        files=len(ledger.files),
        files_wrong=sum(ledger.ready.get(name) != sha256 for name, sha256 in ledger.files.items()),
        lost=sum(body not in read for body in ledger.written),
        duplicated=sum(count - 1 for body, count in read.items() if body in ledger.written),
        out_of_order=len(disorder(ledger.read, ledger.written)),
        plain_missed=sum(body not in plain_read for body in ledger.written),
        plain_repeated=sum(count - 1 for body, count in plain_read.items() if body in ledger.written),
        commands=len(ledger.commands),
        commands_lost=sum(status == "sent" and not received.get(body) for body, status in ledger.commands.items()),
        sent_twice=sum(max(0, received.get(body, 0) - 1) for body in (*ledger.commands, *ledger.published)),
        unknown=statuses["unknown"],
        unknown_sent=sum(status == "unknown" and bool(received.get(body)) for body, status in ledger.commands.items()),
        failed=statuses["failed"],
        unanswered=statuses[""],
        plain_commands=sum(ledger.published.values()),
        plain_commands_lost=sum(ok and not received.get(body) for body, ok in ledger.published.items()),
        gaps=len(ledger.gaps),
    )


def disorder(read: Iterable[str], written: Mapping[str, str]) -> list[str]:
    """The messages that came after a later one of their chat; repetitions are not counted."""
    position = {body: number for number, body in enumerate(written)}
    newest: dict[str, int] = {}
    seen: set[str] = set()
    wrong: list[str] = []
    for body in read:
        if body not in position or body in seen:
            continue
        seen.add(body)
        chat = written[body]
        if position[body] < newest.get(chat, -1):
            wrong.append(body)
        newest[chat] = max(newest.get(chat, -1), position[body])
    return wrong


def false_connected(samples: Iterable[tuple[float, str]], since: float, until: float) -> float:
    """Seconds after `since` during which the status still showed `connected`; at most until `until`."""
    state, connected_until = "", since
    for at, sample in samples:
        if at > until:
            break
        if at > since:
            if state != "connected":
                break
            connected_until = at
        state = sample
    else:
        if state == "connected":
            connected_until = until
    return connected_until - since
