"""One WhatsApp session: its two halves, and what an admin asks of it.

It is the driver's sink, and owns the desired state (running or closed, stored). `driver_runs.py` runs the driver.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

from typing_extensions import override

from bridge.contract.controls import ControlAction, ControlCommand
from bridge.contract.jid import Jid
from bridge.contract.kinds import KINDS
from bridge.contract.limits import AccountLimits
from bridge.contract.messages import Stream
from bridge.contract.payload import instant
from bridge.contract.requests import GetLimits
from bridge.contract.session import Reason, SessionState, Situation
from bridge.contract.status import Queues, SessionStatus
from bridge.core.account_limits import LimitsKeeper
from bridge.core.call_policy import CallPolicy
from bridge.core.call_rejection import CallRejection
from bridge.core.catch_up import CatchUp, CatchUpLimits
from bridge.core.chat_marks import ChatMarks
from bridge.core.desired_state import DesiredState, read_desired, store_desired
from bridge.core.driver_runs import DRAIN, DriverRuns
from bridge.core.inbound import InboundPipeline
from bridge.core.outbound import OutboundPipeline
from bridge.core.outgoing_files import PreparesFiles
from bridge.core.people import ACCOUNT_PN
from bridge.core.requests import RequestRunner
from bridge.core.session_view import SessionView, StateChange
from bridge.core.shared_commit import in_one_commit
from bridge.ports import (
    Account,
    AckChange,
    CallInDoubt,
    Clock,
    DriverSink,
    DriverUnavailable,
    IdGiven,
    IncomingEvent,
    IncomingMessage,
    Item,
    Journal,
    KeyValueStore,
    Outbox,
    PairingCode,
    PasskeyRequest,
    PublishProgress,
    RequestLedger,
    SendStopped,
    WhatsAppDriver,
)

_log = logging.getLogger(__name__)
_OF_A_SEND = (IncomingMessage, AckChange)  # those of several sends come in turn


class Session(DriverSink):
    """One configured session. `run` is its whole life; `control` may be called at any time."""

    def __init__(
        self,
        name: str,
        *,
        owner: str,
        journal: Journal,
        outbox: Outbox,
        ledger: RequestLedger,
        memory: KeyValueStore,
        driver: WhatsAppDriver,
        inbound: InboundPipeline,
        outbound: OutboundPipeline,
        clock: Clock,
        progress: PublishProgress,
        catch_up: CatchUpLimits = CatchUpLimits(),  # noqa: B008 - frozen
        calls: CallPolicy = CallPolicy(),  # noqa: B008 - frozen
        files: PreparesFiles | None = None,
        ahead: Callable[[], AbstractContextManager[None]] = nullcontext,  # what is received goes ahead of other work
    ) -> None:
        self.name = name
        self.outbound = outbound
        self.view = SessionView(name, clock)
        self.requests = RequestRunner(
            name,
            driver,
            self.view,
            clock,
            ledger=ledger,
            own=lambda: outbound.own,
            describe=inbound.described,
            named=inbound.named,
            files=files,
        )
        self.limits = LimitsKeeper(name, journal, memory, clock)
        self.requests.answer(GetLimits.model_fields["action"].default, self.limits.answer)
        outbound.reach_out.obey(self.limits)
        self.progress = progress
        self._marks = ChatMarks(name, driver, memory, inbound, clock)
        self._calls = CallRejection(name, calls, driver, outbound.submit)
        self._owner = owner
        self._memory = memory
        self._journal = journal
        self._outbox = outbox
        self._driver = driver
        self._inbound = inbound
        self._catching_up = CatchUp(name, inbound, driver, catch_up, self._marks.note_writers)
        self._clock = clock
        self._ahead = ahead
        self._control = asyncio.Lock()
        self._reopening: asyncio.TimerHandle | None = None
        self._runs = DriverRuns(
            name,
            driver,
            self,
            self.view,
            outbound,
            self.requests,
            catch_up=self._catching_up,
            marks=self._marks,
            calls=self._calls,
        )

    def status(self, change: StateChange | None = None) -> SessionStatus:
        """The status as published: the current one, or the one at a change of state."""
        situation = (change.situation if change else self.view.situation).refused(self.progress.refusal)
        bounds, last_inbound = self._journal.bounds(Stream.IN), self._journal.last_inbound_at
        return SessionStatus(
            session=self.name,
            state=situation.state,
            reason=situation.reason,
            text=situation.text,
            since=instant(change.since if change else self.view.since),
            at=instant(self._clock.now()),
            owner=self._owner,
            epoch=self._journal.epoch,
            first_seq=bounds.first,
            last_seq=bounds.last,
            last_event_seq=self._journal.bounds(Stream.EVENT).last,
            last_inbound=None if last_inbound is None else instant(last_inbound),
            queue=Queues(out=self._outbox.open_count, in_=max(0, bounds.last - self.progress.published(Stream.IN))),
            budget=self.outbound.budget,
            limits=limits if (limits := self.limits.current) != AccountLimits() else None,
            memory=self._driver.memory,
            sends=[kind.field for kind in KINDS if kind.kind in self._driver.sends],
        )

    @override
    async def situation_changed(self, situation: Situation) -> None:
        """Queue a report. Anything but `connected` stops new sends at once."""
        if situation.state is SessionState.CONNECTED:
            await self._inbound.connected(self._driver.connected_at)
        else:
            self.outbound.close()
        self._runs.report(situation)

    @override
    async def code_changed(self, code: PairingCode | None) -> None:
        """Show or clear the pairing code."""
        self.view.show(code)

    @override
    async def passkey_changed(self, request: PasskeyRequest | None) -> None:
        """Show or clear WhatsApp's request for a passkey."""
        self.view.ask_passkey(request)

    @override
    async def limits_changed(self, limits: AccountLimits) -> None:
        """Take over what the page says about WhatsApp's limits."""
        self.limits.reported(limits)

    @override
    async def logged_in(self, account: Account) -> None:
        """Set the baseline before any message of this login can be journalled."""
        await self._inbound.logged_in(account)
        if account.paired_at is not None:
            await self._marks.forget()
        if self._inbound.history_comes:
            self._catching_up.paired()

    @override
    async def received(self, batch: Sequence[Item]) -> None:
        """Journal live items in their order of arrival."""
        self.view.mark_active()
        try:
            with self._ahead():
                await self._journal_items(batch)
        except Exception as error:  # the driver tries again, but a session that cannot journal is not `connected`
            self._runs.report(error)
            raise

    async def _journal_items(self, batch: Sequence[Item]) -> None:
        for run in (list(items) for _, items in groupby(batch, lambda item: isinstance(item, _OF_A_SEND))):
            messages = [item for item in run if isinstance(item, IncomingMessage)]
            acks = [self.outbound.acknowledged(item) for item in run if isinstance(item, AckChange)]
            await in_one_commit(self._inbound.journal_messages(messages), *acks)
            for item in run:
                match item:
                    case IdGiven():
                        await self.outbound.id_given(item)
                    case SendStopped():
                        await self.outbound.stopped(item.key)
                    case IncomingEvent():
                        await self._inbound.journal_event(item)
                        await self._calls.seen(item)
        times = [item.timestamp for item in batch if isinstance(item, IncomingMessage)]
        await self._inbound.was_live(max(times, default=0))
        await self._marks.seen(batch)

    async def control(
        self, action: ControlAction, *, phone: str | None = None, reopen_after: float | None = None
    ) -> None:
        """Carry out an admin's action; returns when it is done. Raises `CodedError` when it fails.

        Only `init` and `restart` take over a connection that is in use elsewhere: two bridges that did so by themselves
        would take it from each other forever. `phone` requests a pairing code for that number instead of a QR code, and
        waits for it. `reopen_after` is seconds; a session closed with it is open again at the next start.
        """
        async with self._control:
            self._stay_closed()
            match action:
                case ControlAction.INIT:
                    if self.view.situation.state is SessionState.CONFLICT:
                        await self._driver.reload()
                    await self._want(DesiredState.RUNNING)
                case ControlAction.CLOSE if reopen_after is not None and self._runs.wanted.is_set():
                    await self._close(DesiredState.CLOSED)
                    self._reopening = asyncio.get_running_loop().call_later(reopen_after, self._runs.wanted.set)
                case ControlAction.CLOSE:
                    await self._want(DesiredState.CLOSED)
                case ControlAction.SLEEP:
                    await self._want(DesiredState.ASLEEP)
                case ControlAction.RESTART:
                    await self._runs.stop()
                    await self._want(DesiredState.RUNNING)
                case ControlAction.LOGOUT:
                    await self._driver.log_out()
                    await self._want(DesiredState.ENDED)
        if phone is not None:  # outside the lock: another action may end the wait
            await self._driver.link_by_phone(phone)

    async def carry_out(self, command: ControlCommand) -> None:
        """Carry out an admin's command: `control`, or an answer to a passkey request (`bridge.ports.Pairs`).

        Raises `InvalidRequest` for a phone whose country is not known, and what `control` raises.
        """
        match command:
            case ControlCommand(action=ControlAction.PASSKEY, response=dict(response)):
                await self._driver.answer_passkey(response)
            case ControlCommand(action=ControlAction.PASSKEY_CONFIRM, code=str(code)):
                await self._driver.confirm_passkey(code)
            case _:
                own = await self._memory.get(ACCOUNT_PN)
                command = command.sent_from(Jid.parse(own).user if own else None)
                await self.control(command.action, phone=command.phone, reopen_after=command.reopen_after)

    async def delete_login(self) -> None:
        """As `logout`, and delete the login here, even without WhatsApp: then the phone still lists the device."""
        async with self._control:
            self._stay_closed()
            try:
                if self.view.situation.state is not SessionState.CONNECTED:
                    raise DriverUnavailable(self.view.situation.text)
                await self._driver.log_out()
            except (DriverUnavailable, CallInDoubt) as error:
                _log.warning("%s: the login is deleted here only: %s", self.name, error.text)
            await self._want(DesiredState.ENDED)
            await self._driver.delete_login()

    async def run(self) -> None:
        """Run until cancelled. Call `quiesce` first for a clean end. Raises what the store raises."""
        desired = await read_desired(self._memory)
        if desired is DesiredState.RUNNING:
            self._runs.wanted.set()
        else:
            self.view.set(desired.rest)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.outbound.run(), name=f"outbound {self.name}")
                tasks.create_task(self.limits.run(), name=f"limits {self.name}")
                tasks.create_task(self.requests.claimed.run(), name=f"requests {self.name}")
                tasks.create_task(self._runs.run(), name=f"driver {self.name}")
        finally:
            self._stay_closed()
            await self.requests.end()

    async def quiesce(self, seconds: float = DRAIN) -> None:
        """Start no more sends and wait up to `seconds` for the running ones, and for claimed requests."""
        await self._runs.quiesce(seconds)

    async def _want(self, desired: DesiredState) -> None:
        await store_desired(self._memory, desired)
        if desired is DesiredState.RUNNING:
            if not self._runs.wanted.is_set():  # the answer to `init` says so already
                self.view.set(Situation(SessionState.STARTING, Reason.BROWSER_STARTING))
            self._runs.wanted.set()
        else:
            await self._close(desired)

    async def _close(self, desired: DesiredState) -> None:
        self._runs.wanted.clear()
        await self._runs.stop()
        self.view.set(desired.rest)

    def _stay_closed(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
