"""One WhatsApp session: its two halves, its driver, and the order of steps after each connection.

It is the driver's sink. It owns the desired state (running or closed, stored) and the catch-up that precedes live
messages. It claims `connected` only once catch-up is journalled and no newer report of the driver waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

from typing_extensions import override

from bridge.contract.controls import ControlAction, ControlCommand
from bridge.contract.errors import CodedError
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
    StoreUnusable,
    WhatsAppDriver,
)

_log = logging.getLogger(__name__)
#: Seconds for running sends to finish before the browser is closed.
DRAIN = 5.0
#: Seconds after a connection until the marks of chats are read: what waits to be sent goes first.
MARKS_AFTER = 2.0
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
        self._owner, self._memory = owner, memory
        self._journal, self._outbox = journal, outbox
        self._driver, self._inbound = driver, inbound
        self._catching_up = CatchUp(name, inbound, driver, catch_up, self._marks.note_writers)
        self._clock, self._ahead = clock, ahead
        self._reports: asyncio.Queue[Situation | Exception] = asyncio.Queue()
        self._control = asyncio.Lock()
        self._driver_wanted, self._driver_stop = asyncio.Event(), asyncio.Event()
        self._driver_gone = asyncio.Event()
        self._driver_gone.set()
        self._reopening: asyncio.TimerHandle | None = None
        self._quiet = False  # a catch-up that ends while it is set does not open the outbound half

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
        self._reports.put_nowait(situation)

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
            self._reports.put_nowait(error)
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
                case ControlAction.CLOSE if reopen_after is not None and self._driver_wanted.is_set():
                    await self._close(DesiredState.CLOSED)
                    self._reopening = asyncio.get_running_loop().call_later(reopen_after, self._driver_wanted.set)
                case ControlAction.CLOSE:
                    await self._want(DesiredState.CLOSED)
                case ControlAction.SLEEP:
                    await self._want(DesiredState.ASLEEP)
                case ControlAction.RESTART:
                    await self._stop_driver()
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
            self._driver_wanted.set()
        else:
            self.view.set(desired.rest)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.outbound.run(), name=f"outbound {self.name}")
                tasks.create_task(self.limits.run(), name=f"limits {self.name}")
                tasks.create_task(self.requests.claimed.run(), name=f"requests {self.name}")
                tasks.create_task(self._keep_driver(), name=f"driver {self.name}")
        finally:
            self._stay_closed()
            await self.requests.end()

    async def quiesce(self, seconds: float = DRAIN) -> None:
        """Start no more sends and wait up to `seconds` for the running ones, and for claimed requests."""
        self._quiet = True
        self.outbound.close()
        try:
            async with asyncio.timeout(seconds):
                await self.outbound.drain()
                await self.requests.claimed.drain()
        except TimeoutError:
            _log.warning("%s: a send or a request is still running; the next start answers it", self.name)

    async def _want(self, desired: DesiredState) -> None:
        await store_desired(self._memory, desired)
        if desired is DesiredState.RUNNING:
            if not self._driver_wanted.is_set():  # the answer to `init` says so already
                self.view.set(Situation(SessionState.STARTING, Reason.BROWSER_STARTING))
            self._driver_wanted.set()
        else:
            await self._close(desired)

    async def _close(self, desired: DesiredState) -> None:
        self._driver_wanted.clear()
        await self._stop_driver()
        self.view.set(desired.rest)

    def _stay_closed(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None

    async def _stop_driver(self) -> None:
        self._driver_stop.set()
        await self._driver_gone.wait()

    async def _keep_driver(self) -> None:
        while True:
            await self._driver_wanted.wait()
            self._driver_stop.clear()  # only now: a stop that came while no driver ran is done already
            self._driver_gone.clear()
            try:
                self.view.set(Situation(SessionState.STARTING, Reason.BROWSER_STARTING))
                await self._drive()
            finally:
                self._driver_gone.set()

    async def _drive(self) -> None:
        """Run the driver until it is asked to stop. Raises what it raises. Its reports count only while it runs."""
        self._reports, self._quiet = asyncio.Queue(), False
        works = {
            "driver stop": self._driver_stop.wait(),
            "state": self._follow(),
            "history": self._catching_up.repeat(),
            "calls": self._calls.run(),
            "renewals": self._renew(),
            "driver run": self._driver.run(self),
        }
        tasks = [asyncio.create_task(work, name=f"{what} {self.name}") for what, work in works.items()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                await self.quiesce()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.outbound.close()
            self.view.show(None)
            self.view.ask_passkey(None)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _follow(self) -> None:
        """Turn the driver's reports into states, one by one."""
        while True:
            report = await self._reports.get()
            if isinstance(report, Exception):
                raise report
            if report.state is SessionState.CONNECTED:
                await self._catch_up()
            else:
                self.view.set(report)

    async def _renew(self) -> None:
        """After each connection, what WhatsApp Web forgets with its page; later, what it does not announce."""
        with self.view.watch() as changes:
            while True:
                change = await changes.get()
                while isinstance(change, StateChange) and change.situation.state is SessionState.CONNECTED:
                    await self.requests.subscriptions.renew()
                    try:
                        async with asyncio.timeout(MARKS_AFTER):
                            change = await changes.get()
                    except TimeoutError:
                        await self._marks.look()
                        break

    async def _catch_up(self) -> None:
        self.view.set(Situation(SessionState.CONNECTING, Reason.CATCHING_UP))
        try:
            found = await self._catching_up.collect()
            await self._driver.resume()
        except StoreUnusable:
            raise
        except CodedError as error:
            _log.warning("%s: catch-up failed (%s); reloading the page", self.name, error)
            await self._driver.reload()
            return
        _log.info("%s: catch-up found %d messages", self.name, found)
        if self._reports.empty() and not self._quiet:
            self.outbound.open()
            self.view.set(Situation(SessionState.CONNECTED, Reason.READY))
