"""A session's driver: run while it is wanted, its reports turned into states, and the steps after each connection.

`connected` is claimed only once catch-up is journalled and no newer report of the driver waits.
"""

from __future__ import annotations

import asyncio
import logging

from bridge.contract.errors import CodedError
from bridge.contract.session import Reason, SessionState, Situation
from bridge.core.call_rejection import CallRejection
from bridge.core.catch_up import CatchUp
from bridge.core.chat_marks import ChatMarks
from bridge.core.outbound import OutboundPipeline
from bridge.core.requests import RequestRunner
from bridge.core.session_view import SessionView, StateChange
from bridge.ports import DriverSink, StoreUnusable, WhatsAppDriver

_log = logging.getLogger(__name__)
#: Seconds for running sends to finish before the browser is closed.
DRAIN = 5.0
#: Seconds after a connection until the marks of chats are read: what waits to be sent goes first.
MARKS_AFTER = 2.0


class DriverRuns:
    """Runs the driver whenever it is wanted. The session, which is the driver's sink, sets and clears `wanted`."""

    def __init__(
        self,
        name: str,
        driver: WhatsAppDriver,
        sink: DriverSink,
        view: SessionView,
        outbound: OutboundPipeline,
        requests: RequestRunner,
        *,
        catch_up: CatchUp,
        marks: ChatMarks,
        calls: CallRejection,
    ) -> None:
        self.wanted = asyncio.Event()
        self._name = name
        self._driver = driver
        self._sink = sink
        self._view = view
        self._outbound = outbound
        self._requests = requests
        self._catching_up = catch_up
        self._marks = marks
        self._calls = calls
        self._stop = asyncio.Event()
        self._gone = asyncio.Event()
        self._gone.set()
        self._reports: asyncio.Queue[Situation | Exception] = asyncio.Queue()
        self._quiet = False  # a catch-up that ends while it is set does not open the outbound half

    def report(self, report: Situation | Exception) -> None:
        """Take a report of the driver, or an error that ends this run of it."""
        self._reports.put_nowait(report)

    async def run(self) -> None:
        """Run until cancelled. Raises what the driver and the store raise."""
        while True:
            await self.wanted.wait()
            self._stop.clear()  # only now: a stop that came while no driver ran is done already
            self._gone.clear()
            try:
                self._view.set(Situation(SessionState.STARTING, Reason.BROWSER_STARTING))
                await self._drive()
            finally:
                self._gone.set()

    async def stop(self) -> None:
        """Ask the driver that runs to stop, and wait until it has."""
        self._stop.set()
        await self._gone.wait()

    async def quiesce(self, seconds: float = DRAIN) -> None:
        """Start no more sends and wait up to `seconds` for the running ones, and for claimed requests."""
        self._quiet = True
        self._outbound.close()
        try:
            async with asyncio.timeout(seconds):
                await self._outbound.drain()
                await self._requests.claimed.drain()
        except TimeoutError:
            _log.warning("%s: a send or a request is still running; the next start answers it", self._name)

    async def _drive(self) -> None:
        """Run the driver until it is asked to stop. Raises what it raises. Its reports count only while it runs."""
        self._reports, self._quiet = asyncio.Queue(), False
        works = {
            "driver stop": self._stop.wait(),
            "state": self._follow(),
            "history": self._catching_up.repeat(),
            "calls": self._calls.run(),
            "renewals": self._renew(),
            "driver run": self._driver.run(self._sink),
        }
        tasks = [asyncio.create_task(work, name=f"{what} {self._name}") for what, work in works.items()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                await self.quiesce()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._outbound.close()
            self._view.show(None)
            self._view.ask_passkey(None)
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
                self._view.set(report)

    async def _renew(self) -> None:
        """After each connection, what WhatsApp Web forgets with its page; later, what it does not announce."""
        with self._view.watch() as changes:
            while True:
                change = await changes.get()
                while isinstance(change, StateChange) and change.situation.state is SessionState.CONNECTED:
                    await self._requests.subscriptions.renew()
                    try:
                        async with asyncio.timeout(MARKS_AFTER):
                            change = await changes.get()
                    except TimeoutError:
                        await self._marks.look()
                        break

    async def _catch_up(self) -> None:
        self._view.set(Situation(SessionState.CONNECTING, Reason.CATCHING_UP))
        try:
            found = await self._catching_up.collect()
            await self._driver.resume()
        except StoreUnusable:
            raise
        except CodedError as error:
            _log.warning("%s: catch-up failed (%s); reloading the page", self._name, error)
            await self._driver.reload()
            return
        _log.info("%s: catch-up found %d messages", self._name, found)
        if self._reports.empty() and not self._quiet:
            self._outbound.open()
            self._view.set(Situation(SessionState.CONNECTED, Reason.READY))
