"""Requests: an action that is no message, and its response."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.client.connection import Resubscribed, SharedConnection, Subscription
from bridge.client.errors import NoAnswer
from bridge.contract.commands import checked
from bridge.contract.responses import RequestProgress, Response, ResponseStatus
from bridge.contract.topics import Topics


async def make_request(
    connection: SharedConnection,
    topics: Topics,
    *,
    session: str,
    reply_name: str,
    action: str,
    arguments: Mapping[str, Any],
    before: Callable[[str], Awaitable[object]],
    timeout: float,
    on_progress: Callable[[RequestProgress], None],
) -> Response:
    """Make a request and return its response. `before` is awaited with the session once the request is valid, and may
    raise. Raises as `Client.request`."""
    from bridge.contract.requests import request_of  # all forms of requests: a tenth of a command's start

    reply_topic = topics.reply(session, reply_name)
    request = request_of(action, {"id": uuid.uuid4().hex, **arguments, "reply_topic": reply_topic})
    await before(session)
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    async with connection.attached(Subscription(reply_topic)) as inbox:
        topic, body = topics.request(session), request.model_dump_json(exclude_none=True)
        await connection.publish(topic, body)
        reconnected = False  # the first mark is that of the subscription
        while (delivery := await inbox.get(until=deadline)) is not None:
            if isinstance(delivery, Resubscribed):
                if reconnected and (request.changes or request.long):  # the response may be lost; its id finds it again
                    await connection.publish(topic, body)
                reconnected = True
                continue
            fields = json.loads(delivery.payload)
            if fields.get("id") != request.id or "action" not in fields:
                continue
            response = Response.model_validate(fields)
            if response.status is not ResponseStatus.RUNNING:
                return response
            deadline = clock() + timeout
            if response.progress is not None:
                on_progress(response.progress)
    again = f" It may still be done: id={request.id} asks for its outcome." if request.changes else ""
    raise NoAnswer(f"No response to {action} within {timeout:g} s.{again}", session=session, id=str(request.id))


async def show_typing(connection: SharedConnection, topics: Topics, session: str, to: str, seconds: float) -> None:
    """Publish that this account is typing. Raises as `Client.typing`."""
    from bridge.contract.requests.typing import Typing  # as above

    command = checked(Typing, {"to": to, "seconds": seconds})
    body = command.model_dump_json(include={"v", "to", "seconds"})  # what every version of the bridge accepts
    await connection.publish(topics.typing(session), body, qos=0)
