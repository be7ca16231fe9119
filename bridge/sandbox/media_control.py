"""Files of incoming messages: sent by a contact, and downloaded by pages."""

from __future__ import annotations

import json
from itertools import product
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from bridge.contract.jid import Jid
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.dependencies import ReceivedOf, WorldOf
from bridge.sandbox.guard import INCOMING_FILE
from bridge.sandbox.media import FALLBACK
from bridge.sandbox.received_media import AGAIN, FIRST, LARGEST
from bridge.sandbox.views import MessageView, message_view

router = APIRouter(tags=["sandbox"])


@router.post(INCOMING_FILE)
async def write_incoming_file(
    world: WorldOf,
    received: ReceivedOf,
    request: Request,
    chat: str,
    author: str | None = None,
    own: Annotated[bool, Query(description="Whether the owner of the phone sends it.")] = False,
    quoted: str | None = None,
    type: Annotated[  # noqa: A002 - WhatsApp's name
        str, Query(description="image, video, audio, ptt (voice note), document, sticker, ptv.")
    ] = "document",
    filename: str | None = None,
    caption: str | None = None,
    fields: Annotated[str, Query(description="Further fields of the page's model, as a JSON object.")] = "{}",
) -> MessageView:
    """A file from a contact, or of the owner: the body is the file, the Content-Type its type."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise HTTPException(413)
    known = {"mimetype": request.headers.get("content-type", "application/octet-stream")}
    named = {name: value for name, value in (("filename", filename), ("caption", caption)) if value}
    kept = received.keep(bytes(content), type)
    everything = known | named | kept | json.loads(fields)
    if own:
        return message_view(world.own(_address(chat), "", kind=type, quoted=quoted, fields=everything))
    writer = _address(author) if author else None
    return message_view(world.incoming(_address(chat), "", author=writer, kind=type, quoted=quoted, fields=everything))


@router.get("/api/files/{message_id}", include_in_schema=False)
async def show(world: WorldOf, received: ReceivedOf, message_id: str) -> Response:
    """A contact's file, as the phone shows it."""
    message = world.message(message_id)
    content = None if message is None else received.content(message.fields, message.type)
    if message is None or content is None:
        raise EntryNotFound(f"There is no file of a message {message_id}.")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Response(content, media_type=str(message.fields.get("mimetype")), headers=headers)


async def download(world: WorldOf, received: ReceivedOf, request: Request) -> Response:
    return await received.answer(request.url.path, world.state.settings)


for server, prefix in product(("", FALLBACK), (FIRST, AGAIN)):
    router.add_api_route(f"{server}{prefix}{{name}}", download, include_in_schema=False)


def _address(text: str) -> str:
    return str(Jid.parse(text if "@" in text else f"{text}@c.us"))
