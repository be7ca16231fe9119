"""`connect` and the client that it yields: one connection for everything that a program wants of the bridge.

A face only: each call is carried out by the file of its noun.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any

from bridge.broker import BadAddress, BrokerAddress, BrokerOptions, parse_addresses
from bridge.broker.messages import Protocol
from bridge.client.answers import Until
from bridge.client.commands import CommandSender
from bridge.client.connection import SharedConnection, Subscription
from bridge.client.decoder import EventMessage, Message, OnGap, StreamReader
from bridge.client.merge import Start
from bridge.client.status_cache import StatusCache
from bridge.client.status_watch import control, watch_bot_switches, watch_pairing, watch_statuses
from bridge.contract.bot import BotConfig, BotSwitch, ResponderEvent
from bridge.contract.commands import ControlAction, ControlCommand, ControlResult, Priority, checked
from bridge.contract.errors import InvalidRequest
from bridge.contract.messages import Ack, Qr, Result, Stream
from bridge.contract.payload import rfc3339
from bridge.contract.requests import Typing
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics, check_prefix, is_level

#: Messages that may wait for a slow reader before they are forgotten here and replayed later.
BUFFER = 10_000


class Client:
    """What `connect` yields; usable inside its `async with`, by any number of tasks at once."""

    def __init__(self, line: SharedConnection, topics: Topics, level: str) -> None:
        self._line = line
        self._topics = topics
        self._presence = StatusCache(topics)
        self._present = False
        self._reader = StreamReader(line, topics, level)
        self._sender = CommandSender(line, topics, level, self._presence)
        #: The topic level on which this client is answered: `reply/<level>` and `replay/<level>`.
        self.level = level

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker now; it is made again without being asked."""
        return self._line.is_connected

    def messages(
        self, session: str, after: Start = None, *, on_gap: OnGap | None = None, buffer: int = BUFFER
    ) -> AsyncGenerator[Message, None]:
        """Received messages, each once, in order, for ever: over reconnects of the client, the broker and the bridge.

        `after` is the cursor of the last message that is dealt with, None for the oldest that is kept, "now" for what
        is newer than the session's status, which may be a second old. Where messages are missing for good `on_gap` is
        told (else the log). Raises BrokerRefused where the broker refuses the subscription. A reader that is slow
        falls behind and loses nothing.
        """
        return self._reader.read(Message, Stream.IN, session, after, on_gap, buffer)

    def events(
        self, session: str, after: Start = None, *, on_gap: OnGap | None = None, buffer: int = BUFFER
    ) -> AsyncGenerator[EventMessage, None]:
        """The event stream, with a cursor of its own; otherwise as `messages`."""
        return self._reader.read(EventMessage, Stream.EVENT, session, after, on_gap, buffer)

    async def send(
        self,
        session: str,
        to: str,
        message: str,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        expires_at: datetime | None = None,
        priority: Priority | None = None,
        transaction: str | None = None,
        meta: Any = None,
        until: Until = "sent",
        timeout: float = 60,
    ) -> Result:
        """Send a text and return its result: sent, failed or unknown; or accepted when `timeout` (seconds) is over.

        Look at `status`: a failure is returned, not raised. An accepted command is durable and goes on without us.
        Calling again with the same `id` asks for the outcome and never sends twice.

        Raises InvalidRequest and TooLarge before anything is published, NoSuchSession, NoAnswer when nothing at all
        was heard (it holds the id).
        """
        last: Result | None = None
        steps = self.send_steps(
            session,
            to,
            message,
            id=id,
            ttl=ttl,
            expires_at=expires_at,
            priority=priority,
            transaction=transaction,
            meta=meta,
            until=until,
            timeout=timeout,
        )
        async with aclosing(steps):
            async for step in steps:
                last = step if isinstance(step, Result) else last
        assert last is not None  # noqa: S101 - `send_steps` raises NoAnswer where there is none
        return last

    async def send_steps(
        self,
        session: str,
        to: str,
        message: str,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        expires_at: datetime | None = None,
        priority: Priority | None = None,
        transaction: str | None = None,
        meta: Any = None,
        until: Until = "sent",
        timeout: float = 60,
    ) -> AsyncGenerator[Result | Ack, None]:
        """As `send`, and yield every result and tick on the way up to `until`, a failure, or the end of the time."""
        command = self._sender.command(
            session,
            {
                "to": to,
                "message": message,
                "id": id,
                "ttl": ttl,
                "priority": priority,
                "transaction": transaction,
                "expires_at": rfc3339(expires_at) if expires_at else None,
                "meta": meta,
            },
        )
        await self._attach_presence()
        async with aclosing(self._sender.steps(session, command, until, timeout)) as steps:
            async for step in steps:
                yield step

    async def post(
        self,
        session: str,
        to: str,
        message: str,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        priority: Priority | None = None,
    ) -> str:
        """Hand a text to the broker and return its id, waiting for nothing else. A broker may lose it: see `send`.

        Raises InvalidRequest, TooLarge, BrokerDown.
        """
        command = self._sender.command(
            session, {"to": to, "message": message, "id": id, "ttl": ttl, "priority": priority}
        )
        await self._sender.publish(session, command)
        return command.id or ""

    async def typing(self, session: str, to: str, seconds: float = 10) -> None:
        """Show "typing…" in a chat for so many seconds, 0 = no more. Nobody tells what became of it.

        Raises InvalidRequest, BrokerDown.
        """
        command = checked(Typing, {"to": to, "seconds": seconds})
        await self._line.publish(self._topics.typing(session), command.model_dump_json(), qos=0)

    async def status(self, session: str) -> SessionStatus:
        """How the session is; an old heartbeat counts as offline. Raises NoSuchSession, NoBridge."""
        await self._attach_presence()
        return await self._presence.of(session)

    async def statuses(self) -> list[SessionStatus]:
        """How all sessions at this broker are. Raises NoBridge where there is none."""
        await self._attach_presence()
        return await self._presence.all()

    def watch_status(self, session: str | None = None) -> AsyncGenerator[SessionStatus, None]:
        """Every status of a session (None: of all), beginning with the present one."""
        return watch_statuses(self._line, self._topics, session)

    async def qr(self, session: str) -> Qr | None:
        """The code to scan now, None where no pairing is under way. Raises NoSuchSession, NoBridge."""
        await self.status(session)
        until = asyncio.get_running_loop().time() + 1.0
        async with self._line.attached(Subscription(self._topics.qr(session))) as inbox:
            while (delivery := await inbox.get(until=until)) is not None:
                if payload := getattr(delivery, "payload", b""):
                    return Qr.model_validate_json(payload)
        return None

    def pairing(self, session: str) -> AsyncGenerator[Qr | SessionStatus, None]:
        """Pairing as it goes: each new code and each change of state, up to the status that tells of a login."""
        return watch_pairing(self._line, self._topics, session)

    async def control(
        self,
        session: str,
        action: ControlAction | str,
        *,
        phone: str | None = None,
        reopen_after: int | None = None,
        timeout: float = 60,
    ) -> AsyncGenerator[ControlResult, None]:
        """Ask for init, close, logout or restart; yields `accepted`, then `done` or `failed`.

        `phone` goes with init: a code to type on the phone of that number. `reopen_after` goes with close: seconds
        after which the session opens again by itself. Raises NoSuchSession, NoBridge, BrokerDown, NoAnswer, and
        InvalidRequest for another action or a field that does not go with it.
        """
        fields = {"action": action, "id": uuid.uuid4().hex, "phone": phone, "reopen_after": reopen_after}
        wanted = checked(ControlCommand, fields)
        await self.status(session)
        answers = await self._sender.answers(session)
        async with aclosing(control(self._line, self._topics, answers, session, wanted, timeout)) as results:
            async for result in results:
                yield result

    def bot_switches(self) -> AsyncGenerator[tuple[int, BotSwitch], None]:
        """Wishes about the automatic answers of a client, each with the client's number: for a responder."""
        return watch_bot_switches(self._line, self._topics)

    async def retain_bot_config(self, config: BotConfig) -> None:
        """Say, retained, whether a client is answered automatically. Raises BrokerDown."""
        await self._line.publish(self._topics.bot_config(config.cliente_id), config.to_json(), retain=True)

    async def publish_responder_event(self, event: ResponderEvent) -> None:
        """Say what went wrong with a responder. Raises BrokerDown."""
        await self._line.publish(self._topics.responder_event(event.instance), event.to_json())

    async def _attach_presence(self) -> None:
        if not self._present:
            self._present = True
            await self._line.attach(self._presence)


@asynccontextmanager
async def connect(
    broker: str | Sequence[BrokerAddress],
    *,
    prefix: str = "wa",
    name: str = "client",
    protocol: Protocol = "3.1.1",
    ca_file: str | None = None,
    level: str | None = None,
    patience: float | None = 30,
) -> AsyncIterator[Client]:
    """Connect to the first broker of a comma list (or of addresses) that answers, and stay connected.

    `name` shows in the broker's log and begins the client id. `level` is the topic level on which we are answered;
    by default the user's name, since the shipped ACL gives each user the level of its name and a broker does not
    tell who is refused. Several clients of one user may share it, at the price of hearing each other's answers.
    `patience` = seconds in which the first connection has to come about, None = no limit; later losses are mended
    without end and logged.

    Raises BadAddress, InvalidRequest (prefix, name, level), BrokerRefused (password, certificate), BrokerDown.
    """
    addresses = parse_addresses(broker) if isinstance(broker, str) else tuple(broker)
    if not addresses:
        raise BadAddress("There is no broker address.")
    client_id = f"{name}-{uuid.uuid4().hex[:12]}"
    if level is None:
        user = addresses[0].username or ""
        level = user if is_level(user) else client_id
    if not is_level(level):
        raise InvalidRequest(f"{level[:80]!r} cannot be a topic level: use letters, digits, _ and - (64 at most).")
    topics = Topics(check_prefix(prefix))
    options = BrokerOptions(
        addresses, client_id=client_id, clean=True, protocol=protocol, ca_file=ca_file, inbound_limit=BUFFER
    )
    line = SharedConnection(options, patience)
    running = asyncio.create_task(line.run(), name=f"client {client_id}")
    running.add_done_callback(lambda task: line.close(None if task.cancelled() else task.exception()))
    up = asyncio.create_task(line.up.wait(), name=f"client up {client_id}")
    try:
        await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield Client(line, topics, level)
    finally:
        up.cancel()
        running.cancel()
        await asyncio.wait([running, up])
