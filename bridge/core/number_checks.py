"""Checks many numbers at a pace; what is known is kept, so that an interrupted check goes on where it was."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bridge.contract.errors import CodedError, InternalError, InvalidRequest, LimitReached, NotConnected
from bridge.contract.jid import Jid, parse_recipient
from bridge.contract.pace import Pace
from bridge.contract.requests import CheckContacts, CheckedContact, CheckedContacts, Request
from bridge.contract.session import SessionState
from bridge.core.budgets import TokenBucket
from bridge.core.session_view import SessionView
from bridge.ports import Answers, CallInDoubt, CheckedNumber, Clock, NumberStore

_log = logging.getLogger(__name__)
Report = Callable[[int, int], None]
#: Numbers in one call into the page.
BATCH = 10
#: Seconds to wait when WhatsApp cannot be asked, one after another; after the last the others stay unknown.
PAUSES = (2.0, 10.0, 60.0)
#: Errors about single numbers, one after another, after which the service is taken to be down.
MOST_ERRORS = 10
#: Errors that may end by themselves, and have nothing to do with the number.
_PASSING = frozenset({NotConnected.code, LimitReached.code})


class NumberChecks:
    """The checks of one session. They take turns after each batch, so that one number does not wait for a long list."""

    def __init__(
        self,
        session: str,
        driver: Answers,
        view: SessionView,
        store: NumberStore,
        clock: Clock,
        pace: Pace,
        *,
        own: Callable[[], str | None],
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        """`own` gives the digits of this account's number."""
        self._session = session
        self._driver = driver
        self._view = view
        self._store = store
        self._clock = clock
        self._bucket = TokenBucket(pace)
        self._own = own
        self._pauses = pauses
        self._turn = asyncio.Lock()

    async def answer(self, request: Request, report: Report) -> Any:
        """The data of `contacts.check`; `report` gets how many numbers are done, and of how many.

        Raises `NotConnected` where WhatsApp cannot be asked for any of them.
        """
        assert isinstance(request, CheckContacts)  # noqa: S101 - registered for this action
        parsed = [self._parsed(spelled) for spelled in request.contacts]
        total = len(parsed)
        found = await self._known(parsed)
        unknown = deque(dict.fromkeys(to for to in parsed if isinstance(to, Jid) and str(to) not in found))
        if unknown and self._view.situation.state is not SessionState.CONNECTED:
            raise NotConnected(f"The session {self._session} is not connected: {self._view.situation.text}")
        failures = errors = 0
        while unknown:
            report(sum(1 for to in parsed if not isinstance(to, Jid) or str(to) in found), total)
            answers = await self._ask_next(unknown, found)
            if not answers:
                continue
            codes = {answer.code for answer in answers.values()}
            failures = failures + 1 if codes & _PASSING else 0
            errors = errors + len(answers) if codes == {InternalError.code} else 0
            if errors >= MOST_ERRORS or failures > len(self._pauses):
                found |= {str(to): answer for to, answer in answers.items()}
                last = list(answers.values())[-1].code or InternalError.code
                found |= {str(to): CheckedContact(to=str(to), exists=None, code=last) for to in unknown}
                break
            for to, answer in answers.items():
                if answer.code in _PASSING:
                    unknown.appendleft(to)
                else:
                    found[str(to)] = answer
            if failures:
                _log.info("%s: WhatsApp cannot be asked for numbers now: %s", self._session, codes & _PASSING)
                await asyncio.sleep(self._pauses[failures - 1])
        everyone = [found[str(to)] if isinstance(to, Jid) else to for to in parsed]
        return CheckedContacts(contacts=everyone).model_dump(mode="json")

    async def _ask_next(self, unknown: deque[Jid], found: dict[str, CheckedContact]) -> dict[Jid, CheckedContact]:
        """Take the next numbers off `unknown` and ask for them, in turn with other checks; what those have learnt
        meanwhile goes to `found`."""
        async with self._turn:
            batch = [unknown.popleft() for _ in range(min(BATCH, len(unknown)))]
            found |= await self._known(batch)
            fresh = [to for to in batch if str(to) not in found]
            if not fresh:
                return {}
            allowed = await self._allowance(len(fresh))
            unknown.extendleft(reversed(fresh[allowed:]))
            answers = await self._ask(fresh[:allowed])
            await self._keep(answers.values())
            return answers

    def _parsed(self, spelled: str) -> Jid | CheckedContact:
        """The address of a number, or the answer about what is none."""
        try:
            to = parse_recipient(spelled, self._own())
        except InvalidRequest as error:
            return CheckedContact(to=spelled, exists=None, code=error.code)
        return to if to.is_user else CheckedContact(to=str(to), exists=None, code=InvalidRequest.code)

    async def _known(self, parsed: Sequence[Jid | CheckedContact]) -> dict[str, CheckedContact]:
        checked = await self._store.checked({str(to) for to in parsed if isinstance(to, Jid)})
        return {
            number: CheckedContact(to=number, exists=one.chat is not None, chat=one.chat)
            for number, one in checked.items()
        }

    async def _allowance(self, most: int) -> int:
        """How many numbers may be asked for now; waits until it is at least one."""
        now = self._clock.monotonic()
        await asyncio.sleep(self._bucket.ready_at(now) - now)
        now = self._clock.monotonic()
        count = max(1, int(min(most, self._bucket.tokens(now))))
        self._bucket.take(now, count)
        return count

    async def _ask(self, batch: Sequence[Jid]) -> dict[Jid, CheckedContact]:
        try:
            if self._view.situation.state is not SessionState.CONNECTED:
                raise NotConnected
            answers = await self._driver.answer(CheckContacts(contacts=[str(to) for to in batch]))
        except CodedError as error:
            code = NotConnected.code if isinstance(error, CallInDoubt) else error.code
            return {to: CheckedContact(to=str(to), exists=None, code=code) for to in batch}
        return {
            to: CheckedContact(to=str(to), exists=answer["exists"], chat=answer.get("chat"), code=answer.get("code"))
            for to, answer in zip(batch, answers, strict=True)
        }

    async def _keep(self, answers: Iterable[CheckedContact]) -> None:
        known = [CheckedNumber(one.to, one.chat) for one in answers if one.code is None]
        if known:
            await self._store.keep(known)
