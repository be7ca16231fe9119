"""WhatsApp as the suite sees it, for every driver: the same stimuli, and the same record of what was sent."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Page

from bridge.contract.jid import Jid
from bridge.contract.kinds import VARIANTS
from bridge.contract.messages import MessageContent
from bridge.contract.session import SessionState
from bridge.core.conversion import UNKNOWN, kind_of
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone, SendMode
from bridge.drivers.web import Limits, PlaywrightRuntime, WebDriver
from bridge.drivers.web.versions import ChosenVersions
from bridge.ports import Clock, WhatsAppDriver
from bridge.sandbox import Sandbox
from bridge.sandbox.records import ReceiptPolicy, TransmissionMode
from tests.drivers.recording import RecordingSink, running

ANA = "5491155500001@c.us"
CARLA = "5491155500003@c.us"
CARLA_LID = "188000000000003@lid"
DARIO = "188000000000004@lid"
ELENA = "5491155500005@c.us"
UNREGISTERED = "5491155500009@c.us"
UNANSWERED = "5491155500008@c.us"
STRANGER = "188000000000099@lid"
GROUP = "120363000000000001@g.us"
MEMBER = "188000000000002@lid"
#: As in production, with short delays where a test does not check them.
LIMITS = Limits(report=0.3, retry_first=0.05, retry_most=0.2, browser_retry=0.2)


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class World(Protocol):
    def driver(self) -> WhatsAppDriver:
        """A new driver on the same login, as after a restart of the bridge."""

    def pair(self) -> None: ...
    def log_out(self) -> None: ...
    def withhold_history(self) -> None: ...
    def send_history(self) -> None: ...
    def link(self, *, up: bool) -> None: ...

    def incoming(self, chat: str, body: str, author: str | None = None) -> str:
        """A contact sends a message; returns the raw id."""

    def own(self, chat: str, body: str) -> str: ...

    def receive(self, chat: str, model: dict[str, Any], content: dict[str, Any]) -> str:
        """A message of any kind arrives: `model` is WhatsApp Web's, `content` what must be published."""

    def manual_acks(self) -> None: ...
    def acknowledge(self, raw_id: str, level: int) -> None: ...

    def hold_sends(self, *, hold: bool) -> None:
        """While held, sends stay in the page; after the hold they need a link that went down and up again."""

    def typing_in(self, chat: str) -> bool:
        """Whether the chat shows the account's typing indicator."""

    def sent(self) -> dict[str, tuple[str, int]]:
        """Delivered messages: raw id -> (text, number of deliveries)."""

    def sent_type(self, raw_id: str) -> str:
        """WhatsApp's type of a delivered message."""


class ScriptedWorld:
    def __init__(self) -> None:
        self.phone = ScriptedPhone(SystemClock(), acks=(1, 2, 3))
        self.phone.chats = {Jid.parse(text) for text in (ANA, CARLA_LID, DARIO, GROUP)}
        self.phone.missing = {Jid.parse(UNREGISTERED)}
        self.phone.failing = {Jid.parse(UNANSWERED)}
        self.phone.lids = {Jid.parse(CARLA): Jid.parse(CARLA_LID)}

    def driver(self) -> WhatsAppDriver:
        return ScriptedDriver(self.phone)

    def pair(self) -> None:
        self.phone.pair()

    def log_out(self) -> None:
        self.phone.log_out()

    def withhold_history(self) -> None:
        self.phone.history_waits = True

    def send_history(self) -> None:
        self.phone.send_history()

    def link(self, *, up: bool) -> None:
        self.phone.link(up=up)

    def incoming(self, chat: str, body: str, author: str | None = None) -> str:
        return self.phone.incoming(chat, body, author=author).key.id

    def own(self, chat: str, body: str) -> str:
        return self.phone.own(chat, body).key.id

    def receive(self, chat: str, model: dict[str, Any], content: dict[str, Any]) -> str:
        parsed = MessageContent.model_validate(content)
        fields = {name: getattr(parsed, name) for name in parsed.model_fields_set - {"body"}}
        variant = next((n for n, (of, k, v) in VARIANTS.items() if (model["type"], model.get(k)) == (of, v)), None)
        raw = model if variant is None and kind_of(model["type"]) == UNKNOWN else None
        return self.phone.incoming(chat, parsed.body, type=model["type"], variant=variant, raw=raw, **fields).key.id

    def sent_type(self, raw_id: str) -> str:
        return next(message.type for message in self.phone.history if message.key.id == raw_id)

    def manual_acks(self) -> None:
        self.phone.acks = ()

    def acknowledge(self, raw_id: str, level: int) -> None:
        self.phone.acknowledge(raw_id, level)

    def hold_sends(self, *, hold: bool) -> None:
        self.phone.send_mode = SendMode.PENDING if hold else SendMode.NORMAL

    def typing_in(self, chat: str) -> bool:
        return Jid.parse(chat) in self.phone.typing

    def sent(self) -> dict[str, tuple[str, int]]:
        return {sent.key.id: (sent.text, sent.times) for sent in self.phone.sent}


class WebWorld:
    """The sandbox's world, with its own browser profile."""

    def __init__(self, sandbox: Sandbox, runtime: PlaywrightRuntime, profile: Path) -> None:
        self.sandbox = sandbox
        self.runtime = runtime
        self.profile = profile
        sandbox.world.configure(
            sandbox.world.state.settings.model_copy(
                update={"sync_ms": 100, "receipts": ReceiptPolicy(server_ms=10, device_ms=60, read_ms=120)}
            )
        )

    def driver(self) -> WebDriver:
        return self.web_driver()

    def web_driver(
        self,
        *,
        limits: Limits = LIMITS,
        url: str | None = None,
        executable: str | None = None,
        browser_args: tuple[str, ...] = (),
        available: bool = False,
        versions: ChosenVersions | None = None,
        clock: Clock | None = None,
    ) -> WebDriver:
        return WebDriver(
            "haby",
            url=url or self.sandbox.url,
            profile=self.profile,
            playwright=self.runtime,
            clock=clock or SystemClock(),
            random=random.random,
            executable=executable,
            browser_args=browser_args,
            available=available,
            limits=limits,
            versions=versions,
        )

    def pair(self) -> None:
        self.sandbox.world.linking.scan()

    def log_out(self) -> None:
        linking = self.sandbox.world.linking
        linking.log_out(next(iter(linking.devices)))

    def withhold_history(self) -> None:
        self.set(history_waits=True)

    def send_history(self) -> None:
        self.sandbox.world.history.send_all()

    def link(self, *, up: bool) -> None:
        self.sandbox.world.set_link(up=up)

    def incoming(self, chat: str, body: str, author: str | None = None) -> str:
        return self.sandbox.world.incoming(chat, body, author=author).id

    def own(self, chat: str, body: str) -> str:
        return self.sandbox.world.own(chat, body).id

    def receive(self, chat: str, model: dict[str, Any], content: dict[str, Any]) -> str:
        fields = {name: value for name, value in model.items() if name not in ("type", "body")}
        return self.sandbox.world.incoming(chat, model.get("body", ""), kind=model["type"], fields=fields).id

    def sent_type(self, raw_id: str) -> str:
        message = self.sandbox.world.message(raw_id)
        assert message is not None
        return message.type

    def manual_acks(self) -> None:
        self.set(receipts=ReceiptPolicy(server_ms=None, device_ms=None, read_ms=None))

    def acknowledge(self, raw_id: str, level: int) -> None:
        self.sandbox.world.acknowledge(raw_id, level)

    def hold_sends(self, *, hold: bool) -> None:
        self.set(send_mode=TransmissionMode.HOLD if hold else TransmissionMode.NORMAL)

    def mode(self, mode: TransmissionMode) -> None:
        self.set(send_mode=mode)

    def typing_in(self, chat: str) -> bool:
        return chat in self.sandbox.world.typing

    def sent(self) -> dict[str, tuple[str, int]]:
        return {sent.id: (sent.body, sent.deliveries) for sent in self.sandbox.world.state.sent.values()}

    def set(self, **changes: object) -> None:
        world = self.sandbox.world
        world.configure(world.state.settings.model_copy(update=changes))


@asynccontextmanager
async def connected(
    world: World, driver: WhatsAppDriver | None = None
) -> AsyncIterator[tuple[WhatsAppDriver, RecordingSink]]:
    """A running driver with a new login, after `resume`."""
    driver = driver or world.driver()
    async with running(driver) as sink:
        await sink.until(lambda: sink.codes)
        world.pair()
        await sink.until_state(SessionState.CONNECTED)
        await driver.resume()
        yield driver, sink


def page_of(driver: WhatsAppDriver) -> Page:
    """Playwright's page of a web driver, for faults that only a debugger can cause."""
    assert isinstance(driver, WebDriver)
    page = driver._page_loop.page
    assert page is not None
    return page._page
