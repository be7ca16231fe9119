"""Plans a campaign: reads its recipients, freezes each one's text, applies the rules, and stores the draft."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.contract.campaign_reports import BadRow
from bridge.contract.campaigns import CampaignPlan, FollowUp, SkipRule
from bridge.contract.errors import CodedError
from bridge.contract.kinds import load_field
from bridge.contract.phone_numbers import canonical
from bridge.contract.text_normalize import unaccented
from campaigns.errors import WrongPlan
from campaigns.forecast import BridgePace, CampaignLoad, campaign_ends
from campaigns.lists.contacts import ListedContact, number_key
from campaigns.pacing import CampaignPace, draw
from campaigns.store.campaigns import MOST_BAD_ROWS, CampaignStore
from campaigns.store.contact_lists import RecipientListStore
from campaigns.store.people import HeardPeople
from campaigns.store.recipients import RecipientStore
from campaigns.store.rows import NewRecipient
from campaigns.store.unfinished import UnfinishedRows
from campaigns.templates import MissingVariable, Template, variable_name

#: Recipients that are written in one transaction.
BATCH = 500
_DAY = 86_400.0


@dataclass(slots=True)
class _Refused:
    """Rows that are not used: the first of them, and how many."""

    first: list[BadRow] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, reason: str, code: str, variable: str | None = None) -> None:
        self.count += 1
        if len(self.first) < MOST_BAD_ROWS:
            self.first.append(BadRow(line=line, reason=reason, code=code, variable=variable))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    to: str
    person: str
    name: str | None
    values: dict[str, str]
    meta: Any = None


class Planner:
    """Makes drafts. The same plan with the same seed gives the same texts for the same recipients."""

    def __init__(
        self,
        campaigns: CampaignStore,
        recipients: RecipientStore,
        lists: RecipientListStore,
        people: HeardPeople,
        sessions: Collection[str],
        now: Callable[[], float],
        numbers: Callable[[str, Collection[str]], Awaitable[Mapping[str, str]]],
    ) -> None:
        """`numbers` answers the digits of the number behind each of these LIDs of a session, where they are known."""
        self._campaigns = campaigns
        self._recipients = recipients
        self._lists = lists
        self._people = people
        self._sessions = list(sessions)
        self._now = now
        self._numbers = numbers
        self.unfinished = UnfinishedRows(campaigns.delete)

    async def plan(self, plan: CampaignPlan, own: str | None = None, *, keep: bool = True) -> str:
        """Store a draft; returns its id. `own`: the account's number, which decides the country of a leading 0.

        Without `keep` it stays unfinished, so that no other call finds it; the caller drops it.
        Raises `WrongPlan`, `WrongState` (the id is in use), `NoSuchCampaign` (list, followed campaign), DatabaseDown.
        """
        now = self._now()
        session = plan.session or self._sessions[0]
        if session not in self._sessions:
            raise WrongPlan(
                f"There is no session {session}: WA_SESSIONS of this service lists {', '.join(self._sessions)}."
            )
        if plan.start_at is not None and plan.start_at.timestamp() < now - 60:
            raise WrongPlan(
                "start_at is in the past: choose a later time, or leave it out and start by hand.", detail="past"
            )
        variants = [Template.parse(text) for text in plan.variants]
        question = None if plan.ask_first is None else Template.parse(plan.ask_first)
        _check_media(plan)
        campaign_id = plan.id or _new_id(plan.name)
        seed = _seed(campaign_id) if plan.seed is None else plan.seed
        await self.unfinished.clear()
        await self._campaigns.create(campaign_id, session, plan, seed, now)
        try:
            refused, seen, kept = _Refused(), set[str](), 0
            async for rows in self._batches(plan, own, refused):
                batch = await self._by_number(session, rows)
                written = await self._write(campaign_id, session, plan, seed, variants, question, batch, refused, seen)
                kept += written
            if not kept:
                first = f" Line {refused.first[0].line} {refused.first[0].reason}." if refused.first else ""
                raise WrongPlan(f"No recipient is left.{first}", detail="no_recipient")
            start = max(now, plan.start_at.timestamp() if plan.start_at else now)
            alone = CampaignLoad(CampaignPace.of(plan, seed), kept, 0, start)
            if campaign_ends([alone], BridgePace(), start) == [None]:
                raise WrongPlan(
                    "At this pace it would take more than ten years: raise pace or per_day.", detail="too_slow"
                )
            await self._campaigns.planned(campaign_id, refused.first, refused.count, now if keep else None)
        except BaseException:
            await self.unfinished.drop(campaign_id)
            raise
        return campaign_id

    async def _write(
        self,
        campaign_id: str,
        session: str,
        plan: CampaignPlan,
        seed: int,
        variants: list[Template],
        question: Template | None,
        batch: list[tuple[int, _Row]],
        refused: _Refused,
        seen: set[str],
    ) -> int:
        """Write a batch of numbered rows; `seen` are the people that have one. Returns how many are not skipped."""
        people = [row.person for _, row in batch]
        rules = plan.skip
        gone = await self._people.opted_out(people) if SkipRule.OPTED_OUT in rules else set()
        recent: set[str] = set()
        if SkipRule.WROTE_IN_LAST_DAYS in rules:
            recent = await self._people.wrote_since(session, people, self._now() - plan.wrote_days * _DAY)
        defaults = {variable_name(name): value for name, value in plan.defaults.items()}
        found: list[NewRecipient] = []
        for n, row in batch:
            variant = variants[int(draw(seed, "variant", n) * len(variants))]
            values = {**row.values}
            if row.name:
                values = {"nombre": row.name, "name": row.name, **values}
            try:
                asked = None if question is None else question.render(values, defaults)
                text = variant.render(values, defaults)
            except MissingVariable as error:
                refused.add(row.line, str(error), "missing_variable", error.name)
                continue
            except ValueError as error:
                refused.add(row.line, str(error), "too_long")
                continue
            twice = SkipRule.DUPLICATES in rules and row.person in seen
            seen.add(row.person)
            rule = _first_rule(
                (twice, SkipRule.DUPLICATES),
                (row.person in gone, SkipRule.OPTED_OUT),
                (row.person in recent, SkipRule.WROTE_IN_LAST_DAYS),
            )
            found.append(NewRecipient(n, row.to, row.person, row.name, row.values, row.meta, asked, text, rule))
        if found:
            await self._recipients.add(campaign_id, found)
        return sum(one.code is None for one in found)

    async def _by_number(self, session: str, batch: list[tuple[int, _Row]]) -> list[tuple[int, _Row]]:
        """The rows with the number in place of a LID, where the bridge knows it: both are one person."""
        lids = {row.person for _, row in batch if not row.person.isdigit()}
        known = await self._numbers(session, lids) if lids else {}
        return [
            (n, replace(row, to=known[row.person], person=canonical(known[row.person])) if row.person in known else row)
            for n, row in batch
        ]

    async def _batches(
        self, plan: CampaignPlan, own: str | None, refused: _Refused
    ) -> AsyncIterator[list[tuple[int, _Row]]]:
        """The recipients with their numbers, from 1, in batches."""
        batch: list[tuple[int, _Row]] = []
        n = 0
        async for row in self._rows(plan, own, refused):
            n += 1
            batch.append((n, row))
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _rows(self, plan: CampaignPlan, own: str | None, refused: _Refused) -> AsyncIterator[_Row]:
        if plan.recipients is not None:
            for place, one in enumerate(plan.recipients, start=1):
                key = number_key(one.to, own)
                if key is None:
                    refused.add(place, f"{one.to[:40]!r} is no phone number; write it with its country", "not_a_number")
                    continue
                values = {variable_name(name): value for name, value in one.vars.items()}
                yield _Row(place, *key, one.name, values, one.meta)
        elif plan.contact_list is not None:
            async for contact in self._contacts(plan.contact_list, frozenset(plan.tags)):
                yield _Row(contact.line, contact.to, contact.key, contact.name, contact.values)
        elif plan.follow_up is not None:
            async for row in self._followed(plan.follow_up):
                yield row

    async def _contacts(self, list_id: str, tags: frozenset[str]) -> AsyncIterator[ListedContact]:
        await self._lists.get(list_id)
        after = 0
        while page := await self._lists.page(list_id, after, BATCH):
            for _, contact in page:
                if not tags or tags & set(contact.tags):
                    yield contact
            after = page[-1][0]

    async def _followed(self, follow: FollowUp) -> AsyncIterator[_Row]:
        await self._campaigns.get(follow.campaign)
        after = 0
        while page := await self._recipients.followed(follow.campaign, follow.who, after, BATCH):
            for row in page:
                meta = None if row.meta is None else json.loads(row.meta)
                yield _Row(row.n, row.recipient, row.person, row.name, json.loads(row.vars), meta)
            after = page[-1].n


def _first_rule(*rules: tuple[bool, SkipRule]) -> SkipRule | None:
    return next((rule for holds, rule in rules if holds), None)


def _check_media(plan: CampaignPlan) -> None:
    if plan.media is None:
        return
    value = plan.media.model_dump(exclude={"kind"}, exclude_none=True)
    try:
        load_field(plan.media.kind, value)
    except (CodedError, ValueError) as error:
        raise WrongPlan(f"media cannot be sent: {error}") from error


def _seed(campaign_id: str) -> int:
    return int.from_bytes(hashlib.sha256(campaign_id.encode()).digest()[:4], "big") // 2


def _new_id(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", unaccented(name)).strip("-")[:24]
    return f"{words or 'campaign'}-{secrets.token_hex(3)}"
