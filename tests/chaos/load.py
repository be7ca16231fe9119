"""Steady load on a rig: contacts that write, programs that read and send, all recorded in the ledger.

The reader keeps its cursor and the sender repeats its id, both through `bridge.client`. In addition there are a plain
`mosquitto_sub` with a persistent session and a plain `mosquitto_pub` without ids.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridge.client import Client, NoAnswer, connect
from bridge.contract.errors import CodedError
from bridge.contract.events import MEDIA
from bridge.contract.jid import MessageKey
from bridge.contract.kinds import Content, load_field
from bridge.contract.kinds.media import MediaState
from bridge.contract.replays import Cursor
from bridge.ops.private_broker.child import tied_command
from bridge.sandbox.records import ServiceMessage
from tests.chaos.kinds import ACTS, Commands, Contacts, garbled
from tests.chaos.ledger import Ledger
from tests.chaos.rig import SESSION, Rig, start, until
from tests.parts import require_binary

ANA, BRUNO, CARLA = (f"549115550000{n}@c.us" for n in (1, 2, 3))
DARIO, GROUP = "188000000000004@lid", "120363000000000001@g.us"
#: Messages per second from contacts, and seconds between two commands of one sender.
RATE, PAUSE = 8.0, 0.25
TIMEOUT = 180.0
#: Timeout of a command's final result in seconds: it may wait behind the queue of several outages of minutes.
RESULT_TIMEOUT = 900.0


class Load:
    """`async with Load(rig, ...)` starts the load; `settle` stops it and waits for open work."""

    def __init__(self, rig: Rig, rng: random.Random) -> None:
        self.ledger = Ledger()
        self.samples: list[tuple[float, str]] = []
        self.arrived: dict[str, float] = {}
        self.client: Client
        self._rig = rig
        self._rng = rng
        self._cursor: Cursor | None = None
        self._event_cursor: Cursor | None = None
        self._epochs: dict[str, str] = {}
        self._contacts = Contacts(rig.sandbox, rng)
        self._commands = Commands(rng)
        self._texts: list[ServiceMessage] = []  # of contacts, for acts and commands on them
        self._polls: list[ServiceMessage] = []
        self._queued: int | None = None
        self._stop = asyncio.Event()
        self._numbers = Counter[str]()
        self._reading: asyncio.Task[None] | None = None
        self._senders: list[asyncio.Task[None]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        broker = self._rig.broker
        self._reader = connect(broker.url("reader"), name="chaos-reader")
        self._sender = connect(broker.url("sender"), name="chaos-sender")
        self._reading_client = await self._reader.__aenter__()
        self.client = await self._sender.__aenter__()
        self._watch("watch", self._sample())
        await self.connected()
        await self._subscribe()
        self.read()
        self._watch("contacts", self._write())
        self._watch("events", self._read_events())
        chats = (ANA, BRUNO, CARLA)
        self._senders = [asyncio.create_task(self._send(chat), name=f"sender to {chat}") for chat in chats]
        self._senders.append(asyncio.create_task(self._send_kinds(), name="sender of every kind"))
        self._senders.append(asyncio.create_task(self._publish(), name="plain sender"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [*self._tasks, *self._senders, *([self._reading] if self._reading else [])]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._plain.kill()
        self._plain.wait()
        await self._sender.__aexit__(None, None, None)
        await self._reader.__aexit__(None, None, None)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None and error is None:
                task.result()

    async def connected(self, timeout: float = TIMEOUT) -> None:
        """Wait until the status shows `connected`."""
        await until(lambda: self.samples and self.samples[-1][1] == "connected", timeout, "connected")

    def contact_writes(self, body: str, chat: str | None = None) -> None:
        chat, author = self._someone(chat)
        self._texts.append(self._rig.world.incoming(chat, body, author=author))
        self.ledger.written[body] = chat

    def _someone(self, chat: str | None = None) -> tuple[str, str | None]:
        chat = chat or self._rng.choice((ANA, BRUNO, CARLA, DARIO, GROUP))
        return chat, self._rng.choice((ANA, "188000000000002@lid", DARIO)) if chat == GROUP else None

    def _contact_sends_a_kind(self) -> None:
        chat, author = self._someone()
        written = self._contacts.send(chat, author)
        self.ledger.written[written.name] = chat
        if written.sha256 is not None:
            self.ledger.files[written.message.id] = written.sha256
        if written.sample.kind == "poll":
            self._polls.append(written.message)

    def _contact_acts(self) -> None:
        name = self._contacts.act(self._arrived(self._texts), self._newest(), self._arrived(self._polls))
        if name is not None:
            self.ledger.done.append(name)

    def _arrived(self, messages: list[ServiceMessage]) -> Iterator[ServiceMessage]:
        """The oldest message that the reader has; each is given once."""
        while messages and self._name(messages[0].id, messages[0].body) in self.arrived:
            yield messages.pop(0)

    def _arrived_in(self, chat: str) -> Iterator[ServiceMessage]:
        """The oldest texts of a chat that the reader has: an act goes to the chat of its message."""
        for message in [one for one in self._texts if one.chat == chat and one.body in self.arrived]:
            self._texts.remove(message)
            yield message

    def _newest(self) -> Iterator[ServiceMessage]:
        """Texts that the reader has, and that nothing followed in their chat yet."""
        last = {message.chat: message for message in self._rig.world.state.messages[-100:]}
        for message in [one for one in self._texts if last.get(one.chat) is one and one.body in self.arrived]:
            self._texts.remove(message)
            yield message

    def _name(self, message_id: str, body: str) -> str:
        """What the ledger calls a message: a text by its body."""
        written = self._contacts.written.get(message_id)
        return body if written is None else written.name

    def read(self) -> None:
        """Start the reader at its cursor."""
        self._reading = asyncio.create_task(self._read(), name="reader")

    async def stop_reading(self) -> None:
        """Stop the reader; its cursor stays."""
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def probe(self) -> None:
        """Wait until a new message has arrived and a new command was sent. Raises AssertionError."""
        body = f"probe {self._number('probe')}"
        await self.connected()  # otherwise the next page would find it in its history
        self.contact_writes(body, DARIO)
        await self._send_command(DARIO, f"command {body}")
        await until(lambda: body in self.arrived, TIMEOUT, f"{body} read")

    async def settle(self) -> None:
        """Stop the load; wait until all open work is done, or for `TIMEOUT`."""
        self._stop.set()
        await asyncio.wait(self._senders, timeout=2 * TIMEOUT)
        with suppress(AssertionError):  # the ledger shows what is missing
            await until(lambda: all(body in self.arrived for body in self.ledger.written), TIMEOUT, "all read")
            await until(lambda: set(self.ledger.done) <= set(self.ledger.events), TIMEOUT, "all acts read")
            await until(lambda: self.ledger.files.keys() <= self.ledger.ready.keys(), TIMEOUT, "all files ready")
            # an empty queue may be an old status; and messages that a broker lost never arrive
            await until(self._queue_is_empty, TIMEOUT, "all sent")
        with suppress(AssertionError):
            await until(
                lambda: all(self.received[body] for body, ok in self.ledger.published.items() if ok), 5, "all received"
            )
        await asyncio.sleep(1.0)  # time for anything that is sent or read twice
        self._load_plain_read()
        await asyncio.to_thread(self._check_files)

    def _check_files(self) -> None:
        """Put the SHA-256 of the bytes that the bridge keeps in place of the one that it reported."""
        for message_id, sha256 in self.ledger.ready.items():
            paths = (folder / sha256[:2] / sha256 for folder in self._rig.media_folders)
            content = next((path.read_bytes() for path in paths if path.is_file()), b"")
            self.ledger.ready[message_id] = hashlib.sha256(content).hexdigest()

    def _queue_is_empty(self) -> bool:
        return self._queued == 0

    @property
    def received(self) -> Counter[str]:
        """How often each text reached WhatsApp, under any id."""
        received = self._commands.received(self._rig.sandbox)
        for sent in self._rig.world.state.sent.values():
            if sent.body and not sent.body.startswith("kind "):  # a text of no mark
                received[sent.body] += sent.deliveries
        return received

    def _watch(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _number(self, kind: str) -> int:
        self._numbers[kind] += 1
        return self._numbers[kind]

    async def _write(self) -> None:
        while not self._stop.is_set():
            self.contact_writes(f"message {self._number('message')}")
            if self._numbers["message"] % 2:
                self._contact_sends_a_kind()
            if self._numbers["message"] % 8 == 0:
                self._contact_acts()
            await asyncio.sleep(self._rng.expovariate(RATE))

    async def _read(self) -> None:
        gaps = self.ledger.gaps
        messages = self._reading_client.messages(
            SESSION, after=self._cursor, on_gap=lambda gap: gaps.append(gap.reason)
        )
        async for message in messages:
            self._cursor = message.cursor
            message_id = MessageKey.parse(message.id).id
            name = self._name(message_id, message.body)
            if self._epochs.setdefault(name, message.epoch) != message.epoch:
                self.ledger.read_again.append(name)
                continue
            self.ledger.read.append(name)
            self.arrived.setdefault(name, time.monotonic())
            written = self._contacts.written.get(message_id)
            if written is not None and (difference := garbled(written, message)):
                self.ledger.garbled.append(f"{name}: {difference}")

    async def _read_events(self) -> None:
        """Acts of contacts, and files."""
        events = self._reading_client.events(SESSION, after=self._event_cursor, on_gap=lambda _: None)
        async for event in events:
            self._event_cursor = event.cursor
            if event.message_id is None:
                continue
            if event.kind == MEDIA and event.state is MediaState.READY and event.sha256:
                self.ledger.ready[MessageKey.parse(event.message_id).id] = event.sha256
            elif event.kind in ACTS:
                name = f"{event.kind} {event.message_id}"
                if self._epochs.setdefault(f"event {name}", event.epoch) == event.epoch:
                    self.ledger.events.append(name)

    async def _send(self, chat: str) -> None:
        while not self._stop.is_set():
            await self._send_command(chat, f"to {chat} {self._number(chat)}")
            await asyncio.sleep(PAUSE)

    async def _send_kinds(self) -> None:
        """Every kind of command in turn, to a chat that wrote: a first message may be held back for an hour."""
        while not self._stop.is_set():
            made = self._commands.make(self._arrived_in(DARIO))
            if made is not None:
                name, field, value = made
                await self._send_command(DARIO, name, load_field(field, value))
            await asyncio.sleep(PAUSE)

    async def _send_command(self, chat: str, body: str, content: Content | None = None) -> None:
        """Send one command, repeated under its id until its result is final."""
        self.ledger.commands[body] = ""
        command = uuid.uuid4().hex
        deadline = time.monotonic() + RESULT_TIMEOUT
        while time.monotonic() < deadline:
            try:
                result = await self.client.send(SESSION, chat, content or body, id=command, timeout=TIMEOUT)
            except NoAnswer:
                continue
            except CodedError:  # no bridge is connected at the moment
                await asyncio.sleep(0.2)
                continue
            if result.is_final:
                self.ledger.commands[body] = str(result.status)
                if result.status == "sent":
                    self._commands.sent(body, result.message_id)
                return

    async def _publish(self) -> None:
        """A plain sender: one process per message, which neither repeats nor reads results."""
        program, broker = require_binary("mosquitto_pub", "mosquitto-clients"), self._rig.broker
        while not self._stop.is_set():
            number = self._number("plain")
            body = f"plain {number}"
            to, payload = ("/5491155500003", body) if number % 2 else ("", json.dumps({"to": DARIO, "message": body}))
            process = await asyncio.create_subprocess_exec(
                program,
                "-p",
                str(broker.port),
                "-u",
                "sender",
                "-P",
                broker.passwords["sender"],
                "-q",
                "1",
                "-t",
                f"wa/{SESSION}/out{to}",
                "-m",
                payload,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(20):
                    self.ledger.published[body] = await process.wait() == 0
            except TimeoutError:
                self.ledger.published[body] = False
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await asyncio.sleep(3 * PAUSE)

    async def _subscribe(self) -> None:
        program, broker = require_binary("mosquitto_sub", "mosquitto-clients"), self._rig.broker
        self._plain_file = Path(self._rig.folder / "plain_read")
        command = tied_command(
            program,
            "-p",
            str(broker.port),
            "-u",
            "reader",
            "-P",
            broker.passwords["reader"],
            "-q",
            "1",
            "-c",
            "-i",
            "plain",
            "-t",
            f"wa/{SESSION}/in",
        )
        self._plain = start(command, self._plain_file)
        for number in range(200):  # not counted: the subscription is active when one arrives
            self._rig.world.incoming(ANA, f"hello {number}")
            await asyncio.sleep(0.1)
            if self._plain_file.stat().st_size:
                return
        raise AssertionError("mosquitto_sub receives nothing")

    def _load_plain_read(self) -> None:
        for line in self._plain_file.read_bytes().splitlines():
            fields = json.loads(line)
            self.ledger.plain_read.append(self._name(MessageKey.parse(fields["id"]).id, fields["body"]))

    async def _sample(self) -> None:
        """Record each change of the status."""
        while True:
            try:
                status = await self.client.status(SESSION)
                state, self._queued = str(status.state), status.queue.out if status.queue else None
            except CodedError:
                state = ""
            if not self.samples or self.samples[-1][1] != state:
                self.samples.append((time.monotonic(), state))
            await asyncio.sleep(0.05)
