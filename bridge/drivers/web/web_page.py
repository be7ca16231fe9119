"""The page: its events come in a queue (`next_event`), requests go in by `call`.

Every call has a timeout. A call that reached the page and was not answered is `CallInDoubt`, for any cause.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Page, Response
from playwright.async_api import Error as PlaywrightError

from bridge.contract.errors import CodedError
from bridge.contract.session import Reason
from bridge.drivers.web.browser import first_line
from bridge.drivers.web.injection import AGENT, BINDING, init_script
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.page_report import batch_of, state_of
from bridge.drivers.web.versions import ChosenVersions
from bridge.ports import CallInDoubt, DriverUnavailable

_log = logging.getLogger(__name__)
#: Chromium's error page interrupts navigations: attempts, and seconds between them.
_INTERRUPTIONS, _RETRY_DELAY = 5, 0.3
#: Seconds until a batch is asked for again that was not taken.
_NOT_TAKEN = 0.5
#: Times that a batch may come unreadable: the page would offer it again and again, and nothing after it.
_UNREADABLE = 3
#: Seconds by which a timer is late after this process was paused: by the machine's host, a container's, or a signal.
_PAUSED = 1.0
#: Reports that wait to be processed; the page repeats what was not taken.
_WAITING = 100
#: Part of what Playwright says of a page or browser that is gone.
CLOSED = "has been closed"
#: Chromium's errors of a proxy that it cannot use; the last one is a wrong user or password.
_OF_PROXY = re.compile("ERR_(PROXY|TUNNEL|SOCKS|HTTPS_PROXY|NO_SUPPORTED_PROXIES|INVALID_AUTH|UNEXPECTED_PROXY)")
_FILE_INPUT = f"(rawId) => globalThis.{AGENT}?.fileInput(rawId) ?? null"
#: The page's script may not be there yet: it is asked again.
_NEXT = f"(confirmed) => globalThis.{AGENT}?.next(confirmed) ?? new Promise((resolve) => setTimeout(resolve, 200))"
#: Takes JSON: Playwright spells, checks and copies each part of a list on its own.
_CALL = f"(given) => globalThis.{AGENT} ? globalThis.{AGENT}.call(...JSON.parse(given)) : null"


class SiteUnreachable(CodedError):
    """The address could not be loaded."""

    code = "site_unreachable"
    reason = Reason.SITE_UNREACHABLE


class ProxyRefused(SiteUnreachable):
    """The session's proxy does not answer, or lets nothing through."""

    code = "proxy_refused"
    reason = Reason.PROXY_UNUSABLE


class PageFailure(CodedError):
    """The page answered a call with an error. `name` is wa-js's code, if any; `stored`: the page stored the message.
    `known` is what is certain of the data of a request."""

    code = "page_failure"

    def __init__(self, text: str, name: str | None, *, stored: bool, known: Any = None) -> None:
        super().__init__(text)
        self.name = name
        self.stored = stored
        self.known = known


@dataclass(frozen=True, slots=True)
class StateReport:
    """The page's state as `page/state.js` reports it."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Live items; the page keeps them until `taken` is resolved with True and the next batch is asked for."""

    items: list[Any]
    taken: asyncio.Future[bool]


@dataclass(frozen=True, slots=True)
class PageLost:
    """The page is gone, or must be closed."""

    why: str


PageEvent = StateReport | Batch | PageLost


class WebPage:
    """One page of one browser, from opening until it is lost."""

    def __init__(self, page: Page, *, session: str, available: bool, limits: Limits, versions: ChosenVersions) -> None:
        self._page = page
        self._session = session
        self._available = available
        self._limits = limits
        self._versions = versions
        self._events: asyncio.Queue[PageEvent] = asyncio.Queue()
        self._open_batch: asyncio.Future[bool] | None = None
        self._last_report_at = 0.0
        self._load: str | None = None
        self._previous_load: str | None = None
        #: Longest time without a report, in seconds; set by the driver, which knows what the page is doing.
        self.silence = limits.silence_loading
        self.lost: str | None = None
        self._refusal_level = logging.WARNING

    async def prepare(self, url: str) -> None:
        """Install the bridge's script before the page's own code, and the pinned page at `url`, if there is one."""
        script = init_script(self._limits, self._versions.library.text, available=self._available)
        self._page.on("crash", lambda _: self.lose("the page crashed"))
        self._page.on("close", lambda _: self.lose("the browser closed the page"))
        if _log.isEnabledFor(logging.DEBUG):  # Playwright keeps what a listened console shows, until the page closes
            self._page.on("console", self._log_console)
        self._page.on("pageerror", lambda error: _log.debug("%s: page error: %.300s", self._session, error))
        await self._page.expose_binding(BINDING, self._on_binding)
        await self._page.add_init_script(script=script)
        if self._versions.page is not None:
            await self._versions.page.serve(self._page, url)

    async def open(self, url: str) -> None:
        """Load the site; later reports of the previous load are ignored. Raises `SiteUnreachable`."""
        self._previous_load, self.silence = self._load, self._limits.silence_loading
        self._drop_events()
        try:
            async with asyncio.timeout(2 * self._limits.navigation):
                response = await self._navigate(url)
        except TimeoutError as error:  # Playwright's own limit is counted by its Node.js, which hangs
            self.lose("the browser does not answer")
            raise SiteUnreachable("The browser does not answer.") from error
        except PlaywrightError as error:
            with suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(2 * self._limits.close):
                    await self._page.goto("about:blank", timeout=self._limits.close * 1000)
            why = first_line(error).partition(" at http")[0]
            raise (ProxyRefused if _OF_PROXY.search(why) else SiteUnreachable)(why) from error
        if response is not None and response.status >= 400:
            refused = response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
            raise (ProxyRefused if refused else SiteUnreachable)(f"HTTP {response.status}")
        self._last_report_at = asyncio.get_running_loop().time()

    async def _navigate(self, url: str) -> Response | None:
        """Chromium's error page reloads on its own schedule and may interrupt this navigation."""
        limit = self._limits.navigation * 1000
        for _ in range(_INTERRUPTIONS):
            try:
                return await self._page.goto(url, wait_until="commit", timeout=limit)
            except PlaywrightError as error:
                if "interrupted by another navigation" not in str(error):
                    raise
                await asyncio.sleep(_RETRY_DELAY)
        return await self._page.goto(url, wait_until="commit", timeout=limit)

    async def take_items(self) -> None:
        """Take batch after batch from the page, and mark it as lost when the connection to it breaks. No event reports
        that: Playwright's Node may die. A batch that stays unreadable loses the page, too: the next load collects it.

        The call for the next batch confirms the one before. It ends when the page reloads, or with the connection.
        """
        confirmed: int | None = None
        unreadable = 0
        while self.lost is None:
            try:
                answer = await self._page.evaluate(_NEXT, confirmed)
            except PlaywrightError as error:
                if CLOSED in str(error):
                    self.lose("the connection to the browser broke")
                await asyncio.sleep(_RETRY_DELAY)
                answer = None
            confirmed = None
            if answer is None:
                continue
            self._last_report_at = asyncio.get_running_loop().time()
            batch = batch_of(answer)
            if batch is None:
                self._refuse("it cannot be read")
                unreadable += 1
                if unreadable == _UNREADABLE:
                    self.lose("it offers items that cannot be read")
            else:
                number, items = batch
                unreadable = 0
                if await self._is_taken(items):
                    confirmed = number
                    continue
            await asyncio.sleep(_NOT_TAKEN)

    async def _is_taken(self, items: list[Any]) -> bool:
        if self.lost is not None:
            return False
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open_batch = taken
        self._events.put_nowait(Batch(items, taken))
        return await taken

    async def trim(self) -> None:
        """Make the page release memory that it does not need.

        After a failure the session stays, as long as the page: a browser that hangs does not answer `detach` either.
        """
        session = await self._page.context.new_cdp_session(self._page)
        await session.send("HeapProfiler.collectGarbage")
        await session.send("Memory.simulatePressureNotification", {"level": "critical"})
        await session.detach()

    def _drop_events(self) -> None:
        while not self._events.empty():
            match self._events.get_nowait():
                case Batch(taken=taken) if not taken.done():
                    taken.set_result(False)

    async def next_event(self) -> PageEvent:
        """The next event of the page; `PageLost` once it is gone, or was silent for too long."""
        loop = asyncio.get_running_loop()
        while True:
            if self.lost is not None and self._events.empty():
                return PageLost(self.lost)
            silent_at = self._last_report_at + self.silence
            try:
                async with asyncio.timeout_at(silent_at):
                    return await self._events.get()
            except TimeoutError:
                now = loop.time()
                if now > silent_at + _PAUSED:  # a report may be on its way, or the browser was paused, too
                    self._last_report_at = now
                # the page may have reported while the caller handled the last event
                elif self._last_report_at + self.silence <= now:
                    self.lose(f"the page has been silent for {self.silence:g} s")

    def lose(self, why: str) -> None:
        """Mark the page as lost: calls are refused, and the batch in flight is collected after the next load."""
        if self.lost is None:
            self.lost = why
            if self._open_batch is not None and not self._open_batch.done():
                self._open_batch.set_result(False)
            self._events.put_nowait(PageLost(why))

    async def put_file(self, raw_id: str, path: Path, *, limit: float) -> None:
        """Put a file into the page for the call `send` of a message. Raises `DriverUnavailable`."""
        if self.lost is not None:
            raise DriverUnavailable(f"The page is gone: {self.lost}.")
        try:
            async with asyncio.timeout(limit):
                handle = await self._page.evaluate_handle(_FILE_INPUT, raw_id)
                if (element := handle.as_element()) is None:
                    raise DriverUnavailable("The page is loading.")
                await element.set_input_files(path)
                await handle.dispose()
        except (TimeoutError, PlaywrightError) as error:  # nothing was called yet
            raise DriverUnavailable(f"The page did not take the file: {first_line(error)}") from error

    async def call(self, name: str, *arguments: Any, limit: float | None = None) -> Any:
        """Call the agent in the page. Raises `DriverUnavailable`, `CallInDoubt` or `PageFailure`."""
        if self.lost is not None:
            raise DriverUnavailable(f"The page is gone: {self.lost}.")
        limit = self._limits.call if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                answer = await self._page.evaluate(_CALL, json.dumps([name, arguments], ensure_ascii=False))
        except TimeoutError as error:
            raise CallInDoubt(f"The page gave no answer to {name} within {limit:g} s.") from error
        except PlaywrightError as error:
            raise CallInDoubt(f"The page went away during {name}: {first_line(error)}") from error
        if answer is None:
            raise DriverUnavailable("The page is loading.")
        fields = json.loads(answer)
        if "error" in fields:
            error_fields = fields["error"]
            raise PageFailure(
                str(error_fields.get("text")),
                str(error_fields["code"]) if error_fields.get("code") is not None else None,
                stored=error_fields.get("stored") is True,
                known=error_fields.get("known"),
            )
        return fields["value"]

    async def _on_binding(self, source: Mapping[str, Any], payload: Any) -> bool:
        if self.lost is not None or source["frame"] != self._page.main_frame:
            return False
        self._last_report_at = asyncio.get_running_loop().time()
        state = state_of(payload)
        if state is None or self._events.qsize() >= _WAITING:
            self._refuse("it cannot be read" if state is None else f"{_WAITING} others wait")
            return False
        load = state.get("load")
        if load == self._previous_load:
            return False
        self._load = load if isinstance(load, str) else None
        self._events.put_nowait(StateReport(state))
        return True

    def _refuse(self, why: str) -> None:
        _log.log(self._refusal_level, "%s: a report of the page was not taken: %s", self._session, why)
        self._refusal_level = logging.DEBUG  # the first one is enough

    def _log_console(self, message: ConsoleMessage) -> None:
        _log.debug("%s: page %s: %.300s", self._session, message.type, message.text)
