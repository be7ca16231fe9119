"""`connect` and the `Client` that it yields: one broker connection for all calls of a program.

A facade: each call is implemented by the module of its subject.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any

from bridge.broker import BadAddress, BrokerAddress, BrokerOptions, parse_addresses
from bridge.broker.messages import Protocol
from bridge.client.answers import Until
from bridge.client.bridge_control import control_bridge, watch_lease
from bridge.client.commands import CommandSender, field_of
from bridge.client.connection import SharedConnection
from bridge.client.decoder import EventMessage, Message, OnGap, StreamReader
from bridge.client.errors import RequestFailed
from bridge.client.merge import Start
from bridge.client.requests import make_request, show_typing
from bridge.client.services import ServiceTopics
from bridge.client.status_cache import StatusCache
from bridge.client.status_watch import control, current_qr, newest_cursor, watch_pairing, watch_statuses
from bridge.contract.commands import Priority, checked
from bridge.contract.controls import ControlAction, ControlCommand, ControlResult
from bridge.contract.errors import InvalidRequest
from bridge.contract.kinds import Content
from bridge.contract.leases import LeaseClaim
from bridge.contract.messages import Ack, Qr, Result, Stream
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.passkey import Passkey
from bridge.contract.payload import rfc3339
from bridge.contract.replays import Cursor
from bridge.contract.responses import RequestProgress, Response
from bridge.contract.search_answers import SearchAnswer
from bridge.contract.session_changes import BridgeCommand, BridgeControlResult
from bridge.contract.status import SessionStatus
from bridge.contract.topics import Topics, check_prefix, is_level

#: Messages buffered for a slow reader. Above that they are dropped here and replayed later.
BUFFER = 10_000


class Client(ServiceTopics):
    """Yielded by `connect`; usable inside its `async with`, by any number of tasks at once."""

    def __init__(self, connection: SharedConnection, topics: Topics, reply_name: str) -> None:
        super().__init__(connection, topics)
        self._statuses = StatusCache(topics, connection.ask)
        self._reader = StreamReader(connection, topics, reply_name)
        self._sender = CommandSender(connection, topics, reply_name, self._statuses)
        #: Last level of the topics on which this client is answered: `reply/<reply_name>`, `replay/<reply_name>`.
        self.reply_name = reply_name

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker now. A lost one is restored automatically."""
        return self._connection.is_connected

    def messages(
        self, session: str, after: Start = None, *, on_gap: OnGap | None = None, buffer: int = BUFFER
    ) -> AsyncGenerator[Message, None]:
        """Received messages, each once, in order, without end, across reconnects of client, broker and bridge.

        `after` is the cursor of the last processed message; None starts at the oldest kept one, "now" at what is
        newer than the session's status, which may be a second old. `on_gap` is called where messages are lost for
        good (default: logged). A slow reader falls behind and loses nothing. Raises BrokerRefused when the broker
        refuses the subscription.
        """
        return self._reader.read(Message, Stream.IN, session, after=after, on_gap=on_gap, limit=buffer)

    def events(
        self, session: str, after: Start = None, *, on_gap: OnGap | None = None, buffer: int = BUFFER
    ) -> AsyncGenerator[EventMessage, None]:
        """The event stream, with its own cursor; otherwise as `messages`."""
        return self._reader.read(EventMessage, Stream.EVENT, session, after=after, on_gap=on_gap, limit=buffer)

    async def newest(self, session: str, stream: Stream = Stream.IN) -> Cursor:
        """The cursor of the newest item: a reader that stores it at once begins now. Waits for the session's bridge."""
        return await newest_cursor(self._connection, self._topics, session, stream)

    async def send(
        self,
        session: str,
        to: str | None,
        message: str | Content,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        expires_at: datetime | None = None,
        send_at: datetime | None = None,
        priority: Priority | None = None,
        transaction: str | None = None,
        meta: Any = None,
        modifiers: Modifiers = NO_MODIFIERS,
        until: Until = "sent",
        timeout: float = 60,
    ) -> Result:
        """Send a text or other content and return its result: sent, failed or unknown; accepted if `timeout` (seconds)
        ends first. `to` may be None for a reaction, an edit or a revocation that names its chat. `modifiers`: what it
        answers, whom it mentions, and the like. With `send_at` it is sent then (`until="accepted"` does not wait for
        that), and `ttl` counts from then.

        Check `status`: a failure is returned, not raised. The bridge completes an accepted command without this
        client. Calling again with the same `id` returns the outcome and never sends twice.

        Raises InvalidRequest and TooLarge before anything is published, NoSuchSession, and NoAnswer (it holds the id)
        when no answer arrived at all.
        """
        last: Result | None = None
        steps = self.send_steps(
            session,
            to,
            message,
            id=id,
            ttl=ttl,
            expires_at=expires_at,
            send_at=send_at,
            priority=priority,
            transaction=transaction,
            meta=meta,
            modifiers=modifiers,
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
        to: str | None,
        message: str | Content,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        expires_at: datetime | None = None,
        send_at: datetime | None = None,
        priority: Priority | None = None,
        transaction: str | None = None,
        meta: Any = None,
        modifiers: Modifiers = NO_MODIFIERS,
        until: Until = "sent",
        timeout: float = 60,
    ) -> AsyncGenerator[Result | Ack, None]:
        """As `send`, but yields every result and tick up to `until`, a failure, or the timeout."""
        command = self._sender.command(
            session,
            {
                "to": to,
                **field_of(message),
                "id": id,
                "ttl": ttl,
                "priority": priority,
                "transaction": transaction,
                "expires_at": rfc3339(expires_at) if expires_at else None,
                "send_at": rfc3339(send_at) if send_at else None,
                "meta": meta,
                **modifiers.given(),
            },
        )
        await self._attach_statuses()
        async with aclosing(self._sender.steps(session, command, until=until, timeout=timeout)) as steps:
            async for step in steps:
                yield step

    async def post(
        self,
        session: str,
        to: str | None,
        message: str | Content,
        *,
        id: str | None = None,  # noqa: A002 - the contract's name
        ttl: int | None = None,
        send_at: datetime | None = None,
        priority: Priority | None = None,
        modifiers: Modifiers = NO_MODIFIERS,
    ) -> str:
        """Publish a text and return its id without waiting for the bridge. A broker may lose it; `send` repeats.

        Raises InvalidRequest, TooLarge, BrokerDown.
        """
        fields = {"to": to, **field_of(message), "id": id, "ttl": ttl, "priority": priority}
        fields["send_at"] = rfc3339(send_at) if send_at else None
        command = self._sender.command(session, fields | modifiers.given())
        await self._sender.publish(session, command)
        return command.id or ""

    async def cancel(self, session: str, id: str, *, timeout: float = 30) -> Result:  # noqa: A002 - the contract's name
        """Take back a command that has not left. Returns `failed` with the code `cancelled`, or what is true of one
        that is being sent (`accepted`) or is final; `not_found` for an unknown id. Cancelling again changes nothing.

        Raises InvalidRequest before anything is published, NoSuchSession, and NoAnswer after `timeout` seconds.
        """
        await self.status(session)
        return await self._sender.cancel(session, id, timeout)

    async def typing(self, session: str, to: str, seconds: float = 10) -> None:
        """Show "typing…" in a chat for `seconds`; 0 stops it. Best effort: the outcome is not reported.

        Raises InvalidRequest, BrokerDown.
        """
        await show_typing(self._connection, self._topics, session, to, seconds)

    async def request(
        self,
        session: str,
        action: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float = 30,
        on_progress: Callable[[RequestProgress], None] = lambda _: None,
    ) -> Response:
        """Make a request and return its response: `done` with `data`, `failed` or `unknown` with `error`.

        One that changes something is done at most once for its argument `id`, and gives the same response again. One
        that takes long calls `on_progress` again and again; `timeout` counts from the last call.

        Raises InvalidRequest and Unsupported before anything is published, NoSuchSession, NoAnswer after `timeout`
        seconds.
        """
        return await make_request(
            self._connection,
            self._topics,
            session=session,
            reply_name=self.reply_name,
            action=action,
            arguments=arguments or {},
            before=self.status,
            timeout=timeout,
            on_progress=on_progress,
        )

    async def search(
        self,
        session: str,
        q: str,
        *,
        chat: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        direction: str | None = None,
        after: str | None = None,
        limit: int = 20,
        timeout: float = 30,
    ) -> SearchAnswer:
        """Find messages by their text, newest first; `after` is `next` of the page before. Raises as `request`, and
        `RequestFailed` where the bridge could not search."""
        times = {"since": since and rfc3339(since), "until": until and rfc3339(until)}
        given = {"q": q, "chat": chat, **times, "direction": direction, "after": after, "limit": limit}
        arguments = {name: value for name, value in given.items() if value is not None}
        response = await self.request(session, "messages.search", arguments, timeout=timeout)
        if response.error is not None:
            raise RequestFailed(response.error)
        return SearchAnswer.model_validate(response.data)

    async def status(self, session: str) -> SessionStatus:
        """The session's status; an old heartbeat counts as offline. Raises NoSuchSession, NoBridge."""
        await self._attach_statuses()
        return await self._statuses.current(session)

    async def statuses(self, known: Iterable[str] = ()) -> list[SessionStatus]:
        """The status of every session at this broker. Raises NoBridge when there is none.

        `known` sessions are asked by name where the broker delivers no retained messages for wildcards (RabbitMQ).
        """
        await self._attach_statuses()
        return await self._statuses.all(known)

    @property
    def standbys(self) -> list[tuple[str, str, str]]:
        """Session, bridge and sentence of each session in standby, after `statuses`."""
        return self._statuses.standbys

    async def clock_difference(self, session: str) -> float | None:
        """Seconds by which this machine's clock is ahead of the bridge's; None while no heartbeat has come."""
        await self._attach_statuses()
        return self._statuses.clock_difference(session)

    def watch_status(self, session: str | None = None) -> AsyncGenerator[SessionStatus, None]:
        """Every status of a session (None: of all sessions), starting with the current one."""
        return watch_statuses(self._connection, self._topics, session)

    async def qr(self, session: str) -> Qr | None:
        """The current QR code; None when no pairing is in progress. Raises NoSuchSession, NoBridge."""
        await self.status(session)
        return await current_qr(self._connection, self._topics, session)

    def pairing(self, session: str) -> AsyncGenerator[Qr | Passkey | SessionStatus, None]:
        """Each new QR code, passkey request and state change; ends with the status that reports the login."""
        return watch_pairing(self._connection, self._topics, session)

    async def control(
        self,
        session: str,
        action: ControlAction | str,
        *,
        phone: str | None = None,
        reopen_after: int | None = None,
        response: Mapping[str, Any] | None = None,
        code: str | None = None,
        timeout: float = 60,
    ) -> AsyncGenerator[ControlResult, None]:
        """Request init, close, logout or restart, or answer a passkey request: `accepted`, then `done` or `failed`.

        `phone` (init only) requests a pairing code for the phone of that number. `reopen_after` (close only) is the
        number of seconds after which the session reopens automatically. `response` (passkey only) is what the browser
        answered, `code` (passkey_confirm only) what was compared. Raises NoSuchSession, NoBridge, BrokerDown,
        NoAnswer, and InvalidRequest for an unknown action or a field that does not belong to it.
        """
        fields = {
            "action": action,
            "id": uuid.uuid4().hex,
            "phone": phone,
            "reopen_after": reopen_after,
            "response": None if response is None else dict(response),
            "code": code,
        }
        command = checked(ControlCommand, fields)
        await self.status(session)
        answers = await self._sender.answers(session)
        steps = control(
            self._connection, self._topics, session=session, command=command, answers=answers, timeout=timeout
        )
        async with aclosing(steps) as results:
            async for result in results:
                yield result

    async def control_bridge(
        self, instance: str, command: BridgeCommand, *, timeout: float = 60
    ) -> BridgeControlResult:
        """Send a command to a bridge (WA_INSTANCE) once; returns its answer. Raises NoAnswer, BrokerDown."""
        return await control_bridge(self._connection, self._topics, instance, command, timeout)

    def watch_lease(self, session: str) -> AsyncGenerator[LeaseClaim, None]:
        """The claims of a session that several bridges may run, the retained one first."""
        return watch_lease(self._connection, self._topics, session)

    async def _attach_statuses(self) -> None:
        if not self._statuses.is_attached:
            self._statuses.is_attached = True
            await self._connection.attach(self._statuses)


@asynccontextmanager
async def connect(
    broker: str | Sequence[BrokerAddress],
    *,
    prefix: str = "wa",
    name: str = "client",
    protocol: Protocol = "3.1.1",
    ca_file: str | None = None,
    reply_name: str | None = None,
    connect_timeout: float | None = 30,
) -> AsyncIterator[Client]:
    """Connect to the first broker that answers (a comma list of URLs, or addresses) and stay connected.

    `name` appears in the broker's log and starts the client id. `reply_name` is the last level of the topics on which
    this client is answered. Default: the broker user's name, since the shipped ACL allows each user only the level of
    its own name, and a broker does not report a refusal. Several clients of one user may share it; they then receive
    each other's answers. `connect_timeout` limits the first connection (seconds, None = no limit); later losses are
    logged and retried indefinitely.

    Raises BadAddress, InvalidRequest (prefix, name, reply_name), BrokerRefused (password, certificate), BrokerDown.
    """
    addresses = parse_addresses(broker) if isinstance(broker, str) else tuple(broker)
    if not addresses:
        raise BadAddress("There is no broker address.")
    client_id = f"{name}-{uuid.uuid4().hex[:12]}"
    if reply_name is None:
        user = addresses[0].username or ""
        reply_name = user if is_level(user) else client_id
    if not is_level(reply_name):
        raise InvalidRequest(f"{reply_name[:80]!r} cannot be a topic level: use letters, digits, _ and - (64 at most).")
    topics = Topics(check_prefix(prefix))
    options = BrokerOptions(
        addresses, client_id=client_id, clean=True, protocol=protocol, ca_file=ca_file, inbound_limit=BUFFER
    )
    connection = SharedConnection(options, connect_timeout)
    running = asyncio.create_task(connection.run(), name=f"client {client_id}")
    running.add_done_callback(lambda task: connection.close(None if task.cancelled() else task.exception()))
    up = asyncio.create_task(connection.up.wait(), name=f"client up {client_id}")
    try:
        await asyncio.wait([running, up], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield Client(connection, topics, reply_name)
    finally:
        up.cancel()
        running.cancel()
        await asyncio.wait([running, up])
