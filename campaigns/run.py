"""One campaign while it sends: waits for its time, claims the next recipient, hands it to its delivery, and stops."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from bridge.client import Content
from bridge.contract.campaigns import CampaignState, RecipientState, SkipRule, StopRule
from bridge.contract.kinds import load_field
from bridge.contract.session import SessionState
from bridge.sql.database import while_down
from campaigns.deliveries import AWAY, Deliveries, DeliveryOutcome
from campaigns.numbers import AbsentNumbers
from campaigns.pacing import CampaignPace
from campaigns.publisher import CampaignPublisher
from campaigns.session_states import SessionStates
from campaigns.store.campaigns import CampaignStore
from campaigns.store.people import HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.store.rows import Campaign, Recipient, SendsSoFar
from campaigns.turns import CampaignTurn

_log = logging.getLogger(__name__)
#: Recipients that are read at once.
PAGE = 20
#: Seconds within which a command has to leave, at most and at least; a closing window ends it before.
LONGEST_TTL, SHORTEST_TTL = 43_200.0, 60.0
#: Of this many newest ones, at least `FEWEST` finished, that share may have failed.
RECENT, FEWEST, MOST_FAILED = 50, 20, 0.3
#: Seconds that a run sleeps at most before it looks again: a clock may be set.
LONGEST_SLEEP = 30.0
_TO_PAIR = frozenset({SessionState.LOGGED_OUT, SessionState.PAIRING})


@dataclass(frozen=True, slots=True)
class RunParts:
    """What every run works with."""

    campaigns: CampaignStore
    recipients: RecipientStore
    people: HeardPeople
    deliveries: Deliveries
    numbers: AbsentNumbers
    states: SessionStates
    publisher: CampaignPublisher
    now: Callable[[], float]


class CampaignRun:
    """`run` returns once the campaign may send nothing more and every message of it has an outcome."""

    def __init__(self, campaign: Campaign, parts: RunParts, turn: CampaignTurn) -> None:
        self._campaign = campaign
        self._parts = parts
        self._turn = turn
        self._slots = turn.session.slots
        self._pace = CampaignPace.of(campaign.plan, campaign.seed)
        self._media = campaign.plan.media
        self._wake = asyncio.Event()
        self._next: list[Recipient] = []
        self._checked: set[int] = set()
        self._open: dict[str, Recipient] = {}  # published, without an outcome yet, by command
        self._held = 0  # slots that this run has
        self._taken_back: set[str] = set()
        self._look_for_opt_outs = True  # among those that are open
        self._unwanted: set[str] = set()  # commands that are being taken back because of one
        self._sends = SendsSoFar(None, None, 0)
        self._sends_of: tuple[float, int] | None = None  # midnight, and the session's claims, of that reading
        self._since = parts.now()
        #: What it waits for now: a code, None while it sends.
        self.waits: str | None = None
        self.id = campaign.id
        self.session = campaign.session

    def wake(self) -> None:
        """Look again at state and time."""
        self._wake.set()

    def wake_for_opt_outs(self) -> None:
        """A person asked for no more messages: take back what has not left."""
        self._look_for_opt_outs = True
        self._wake.set()

    async def run(self) -> None:
        try:
            await self._send_all()
        finally:  # however it ends: the other campaigns of the session have the same slots
            for _ in range(self._held):
                self._release_slot()

    async def _send_all(self) -> None:
        parts = self._parts
        open_ones = await while_down(lambda: parts.recipients.sending(self.id))
        async with asyncio.TaskGroup() as tasks:
            running: set[asyncio.Task[None]] = set()
            for one in open_ones:  # published before a restart: their commands are repeated
                running.add(tasks.create_task(self._deliver(one, holds_slot=False), name=f"deliver {one.command}"))
            while True:
                may_send = await self._may_send()
                if not may_send:
                    self._turn.says(may_send=False)
                running = {task for task in running if not task.done()}
                if may_send:
                    self._taken_back.clear()
                if may_send and await self._stopped_by_lock():
                    continue
                if may_send:
                    if self._look_for_opt_outs:
                        await self._take_back_opted_out(tasks)
                    taken = await self._take_next(idle=not running)
                    if taken is None and not running and not self._next and await self._has_lost_claim():
                        return  # the runner starts another run, which asks for its outcome
                    if taken is not None:
                        running.add(tasks.create_task(self._deliver(taken), name=f"deliver {taken.command}"))
                elif running:
                    for one in [one for name, one in self._open.items() if name not in self._taken_back]:
                        self._taken_back.add(str(one.command))
                        tasks.create_task(
                            self._parts.deliveries.take_back(self.session, one), name=f"take back {one.n}"
                        )
                    await self._sleep_until(self._parts.now() + LONGEST_SLEEP)  # each delivery that ends wakes it
                else:
                    return

    async def _may_send(self) -> bool:
        """Wait for the start of a scheduled campaign; False once it is paused, over or deleted."""
        while True:
            self._wake.clear()
            found = await while_down(lambda: self._parts.campaigns.find(ids=[self.id]))
            if not found:
                return False
            self._campaign = found[0]
            match self._campaign.state:
                case CampaignState.RUNNING:
                    return True
                case CampaignState.SCHEDULED:
                    start = self._campaign.plan.start_at
                    if start is None or start.timestamp() <= self._parts.now():
                        await self._move(CampaignState.SCHEDULED, CampaignState.RUNNING, kind="started")
                        continue
                    self.waits = "scheduled"
                    self._turn.says(may_send=False)
                    await self._sleep_until(start.timestamp())
                case _:
                    return False

    async def _take_next(self, *, idle: bool) -> Recipient | None:
        """Claim the next recipient once it may leave; None to look again. Its delivery gives the slot back."""
        if not self._next:
            self._next = await while_down(lambda: self._parts.recipients.waiting(self.id, PAGE))
            await self._skip_absent()
        if not self._next:
            self._turn.says(may_send=False)
            if idle:
                await self._end()
            else:
                await self._sleep_until(self._parts.now() + 1.0)
            return None
        if not await self._is_time():
            return None
        async with asyncio.TaskGroup() as waiting:
            slot = waiting.create_task(self._take_slot(), name="slot")
            woken = waiting.create_task(self._wake.wait(), name="woken")
            await asyncio.wait([slot, woken], return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            got = slot.done()
            if not got:
                slot.cancel()
        if not got:
            return None
        claimed = await self._claim()
        if claimed is None:
            self._release_slot()
        return claimed

    async def _take_slot(self) -> None:
        await self._slots.acquire()
        self._held += 1

    def _release_slot(self) -> None:
        self._held -= 1
        self._slots.release()

    async def _is_time(self) -> bool:
        """Whether the next one may leave now; else wait a while."""
        now = self._parts.now()
        if self._parts.states.epoch(self.session) is None:
            self._wait_for("not_connected")
            await self._sleep_until(now + LONGEST_SLEEP)
            return False
        if await self._read_sends(now):
            return False  # that took time
        sends = self._sends
        at = self._pace.next_send(now, last=sends.last, first=sends.first, today=sends.today)
        closed = self._pace.hours.open_until(now) is None
        full = self._pace.is_full(now, first=sends.first, today=sends.today)
        self._turn.says(may_send=not closed and not full)
        if not closed and not full and not self._turn.session.is_first(self._turn):
            self._wait_for("older_campaign")
            await self._sleep_until(now + LONGEST_SLEEP)
            return False
        self._wait_for("window" if closed else "day_limit" if full else None)
        if at <= now:
            return True
        await self._sleep_until(at)
        return False

    async def _read_sends(self, now: float) -> bool:
        """Read what the session sent, unless it is known; whether it was read."""
        wanted = (self._pace.midnight(now), self._turn.session.claims)
        if wanted == self._sends_of:
            return False
        self._sends = await while_down(partial(self._parts.recipients.sends, self.id, self.session, wanted[0]))
        self._sends_of = wanted
        return True

    async def _claim(self) -> Recipient | None:
        now = self._parts.now()
        closes = self._pace.hours.open_until(now)
        if closes is None:
            return None  # the window has closed while it waited for a slot
        one, epoch = self._next[0], self._parts.states.epoch(self.session)
        midnight, claims = self._sends_of or (0.0, -1)
        if epoch is None or claims != self._turn.session.claims:
            return None  # while it waited for a slot another campaign has sent
        del self._next[0]
        if await self._has_opted_out(one):
            return None
        expires = max(now + SHORTEST_TTL, min(closes, now + LONGEST_TTL))
        claimed = await while_down(lambda: self._parts.recipients.claim(one, epoch, now, expires))
        claimed = claimed or await self._unconfirmed(one)
        if claimed is None:
            self._next = []
            return None
        self._turn.session.claims += 1
        self._sends_of = (midnight, claims + 1)
        sends = self._sends
        first = now if sends.first is None else sends.first
        self._sends = replace(sends, last=(one.n, now), first=first, today=sends.today + 1)
        self._parts.publisher.changed(self.id)
        return claimed

    async def _unconfirmed(self, one: Recipient) -> Recipient | None:
        """The recipient, if it was claimed and the database lost the answer to that: no delivery has it yet."""
        claimed = await while_down(lambda: self._parts.recipients.sending(self.id))
        return next((o for o in claimed if o.command == one.command and str(o.command) not in self._open), None)

    async def _deliver(self, one: Recipient, *, holds_slot: bool = True) -> None:
        self._open[str(one.command)] = one
        try:
            outcome = await self._parts.deliveries.deliver(self.session, one, self._content(one))
        finally:
            self._open.pop(str(one.command), None)
            if holds_slot:
                self._release_slot()
            self._wake.set()
        self._parts.publisher.changed(self.id)
        if outcome.code is not None:
            await self._judge(outcome)

    async def _judge(self, outcome: DeliveryOutcome) -> None:
        """Stop the campaign where a rule says so."""
        rules = self._campaign.plan.stop_on
        if outcome.is_locked and StopRule.REACH_OUT_LOCKED in rules:
            await self._stop(StopRule.REACH_OUT_LOCKED)
        elif outcome.state is RecipientState.FAILED and StopRule.FAILURE_RATE in rules:
            failed, finished = await while_down(
                lambda: self._parts.recipients.recent_failures(self.id, RECENT, self._since)
            )
            if finished >= FEWEST and failed > finished * MOST_FAILED:
                await self._stop(StopRule.FAILURE_RATE)

    async def _stopped_by_lock(self) -> bool:
        if StopRule.REACH_OUT_LOCKED not in self._campaign.plan.stop_on:
            return False
        if self._parts.states.locked_until(self.session, self._parts.now()) is None:
            return False
        await self._stop(StopRule.REACH_OUT_LOCKED)
        return True

    async def _has_opted_out(self, one: Recipient) -> bool:
        """Whether a recipient asked for no more messages since the planning; it is left out then."""
        if SkipRule.OPTED_OUT not in self._campaign.plan.skip:
            return False
        if not await while_down(lambda: self._parts.people.opted_out(_people_of(one))):
            return False
        await self._skip(one, SkipRule.OPTED_OUT)
        return True

    async def _take_back_opted_out(self, tasks: asyncio.TaskGroup) -> None:
        """Take back the open messages to those who asked for no more; each then waits, and its claim skips it."""
        self._look_for_opt_outs = False
        if SkipRule.OPTED_OUT not in self._campaign.plan.skip or not self._open:
            return
        people = {person for one in self._open.values() for person in _people_of(one)}
        gone = await while_down(lambda: self._parts.people.opted_out(people))
        for name, one in list(self._open.items()):
            if name not in self._unwanted and not gone.isdisjoint(_people_of(one)):
                self._unwanted.add(name)
                tasks.create_task(self._take_back_for_good(name, one), name=f"take back {name}")

    async def _take_back_for_good(self, name: str, one: Recipient) -> None:
        while name in self._open:
            if await self._parts.deliveries.take_back(self.session, one):
                break
            await asyncio.sleep(AWAY)  # the bridge is away, or does not have it yet
        self._unwanted.discard(name)

    async def _skip_absent(self) -> None:
        """Leave out those of the next ones who are not on WhatsApp, where the plan asks for that."""
        fresh = [one for one in self._next if one.id not in self._checked]
        if SkipRule.NOT_ON_WHATSAPP not in self._campaign.plan.skip or not fresh:
            return
        absent = await self._parts.numbers.absent(self.session, [one.to for one in fresh])
        self._checked = {one.id for one in self._next}
        for one in [one for one in fresh if one.to in absent]:
            self._next.remove(one)
            await self._skip(one, SkipRule.NOT_ON_WHATSAPP)

    async def _skip(self, one: Recipient, rule: SkipRule) -> None:
        await while_down(partial(self._parts.recipients.skip, one, rule))
        self._parts.publisher.changed(self.id)

    async def _end(self) -> None:
        """The campaign is done, unless a text waits by now or a message of it has no outcome."""
        now = self._parts.now()
        if await while_down(lambda: self._parts.campaigns.finish(self.id, now)):
            self._parts.publisher.happened(self.session, self.id, "done")
        self._parts.publisher.changed(self.id)
        self._wake.set()

    async def _has_lost_claim(self) -> bool:
        """Whether a recipient is claimed whose outcome no delivery asks for."""
        return bool(await while_down(lambda: self._parts.recipients.sending(self.id)))

    async def _stop(self, rule: StopRule) -> None:
        await self._move(CampaignState.RUNNING, CampaignState.STOPPED, kind="stopped", reason=rule)

    async def _move(self, before: CampaignState, after: CampaignState, *, kind: str, reason: str | None = None) -> None:
        """Change the state, unless it is no longer `before`."""
        now = self._parts.now()
        if await while_down(lambda: self._parts.campaigns.move(self.id, before, after, now, reason)):
            self._parts.publisher.happened(self.session, self.id, kind, reason)
        self._parts.publisher.changed(self.id)
        self._wake.set()

    def _content(self, one: Recipient) -> str | Content:
        """The text, or the file with the text as its caption; a question goes without the file."""
        media = self._media
        asks = self._campaign.plan.ask_first is not None and one.stage == 0
        if media is None or asks:
            return one.text
        value = media.model_dump(exclude={"kind"}, exclude_none=True) | {"caption": one.text}
        return load_field(media.kind, json.loads(json.dumps(value)))

    def _wait_for(self, code: str | None) -> None:
        status = self._parts.states.of(self.session)
        if code == "not_connected" and status is not None and status.state in _TO_PAIR:
            code = "logged_out"
        if code != self.waits:
            self.waits = code
            self._parts.publisher.changed(self.id)

    async def _sleep_until(self, moment: float) -> None:
        pause = min(max(0.0, moment - self._parts.now()), LONGEST_SLEEP)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()


def _people_of(one: Recipient) -> list[str]:
    """The forms under which a recipient may have opted out."""
    return [one.person] if one.chat is None else [one.person, one.chat]
