"""A send over HTTP: the same `submit` as MQTT, and a wait for its result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bridge.contract.commands import SendCommand
from bridge.contract.errors import InvalidRequest
from bridge.contract.messages import Result
from bridge.contract.session import SessionState
from bridge.core.results import result_of
from bridge.core.session_entry import SessionEntry
from bridge.http.context import AppContext, is_connected, outbox_of, running

#: Maximum seconds that a caller waits; the answer still gets through a proxy that times out after 30 s.
LONGEST_WAIT = 25.0
#: States that lead to a connection without intervention: «iniciando», «autenticado», «reconectando» in the legacy form.
CONNECTING = frozenset(
    {
        SessionState.STARTING,
        SessionState.CONNECTING,
        SessionState.AUTHENTICATED,
        SessionState.RECONNECTING,
        SessionState.UNREACHABLE,
    }
)


async def until_connected(
    context: AppContext, entry: SessionEntry, wait: float, gone: Callable[[], Awaitable[bool]]
) -> float | None:
    """Wait until a session that started to connect a short time ago is connected; returns the seconds left.

    Returns None if it is not connected, or if the caller is `gone`: it sends again, and two claims would send twice.

    For a legacy responder: messages from before a restart are posted to it before WhatsApp is connected again, it
    answers them immediately, and an answer that is refused is lost.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait
    while not is_connected(entry):
        is_connecting = (
            entry.view.situation.state in CONNECTING and context.clock.now() < entry.view.since + context.limits.outage
        )
        if not is_connecting or clock() >= deadline or context.closing.is_set():
            return None
        await asyncio.sleep(context.limits.session_poll)  # polled: its view is another one once its store is open
        if await gone():
            return None
    return max(deadline - clock(), 0.0)


async def settle(context: AppContext, entry: SessionEntry, command: SendCommand, wait: float) -> Result:
    """Claim a command and return its result, or `accepted` if it is not final after `wait` seconds.

    Raises `InvalidRequest`, `NotConnected` for a session that does not run here, and what the store raises; then
    nothing was claimed.
    """
    if command.reply_topic is not None:
        raise InvalidRequest("reply_topic is for senders on MQTT; over HTTP the result is the answer.")
    outbox = outbox_of(entry)
    result = await running(entry).outbound.submit(command)
    if result.is_final or wait <= 0:
        return result
    settled = asyncio.create_task(outbox.settled(result.id), name=f"wait for {result.id}")
    closing = asyncio.create_task(context.closing.wait(), name="closing")
    try:
        await asyncio.wait([settled, closing], timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        row = settled.result() if settled.done() else None
    finally:
        settled.cancel()
        closing.cancel()
    return result if row is None else result_of(entry.name, row)
