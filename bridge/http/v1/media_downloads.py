"""`/v1/media/{sha256}` and `/v1/sessions/{session}/media`: the files of received messages.

A file comes from a stranger. It is never executed in this origin: only pictures, sound and films are shown, under a
policy without scripts; everything else is saved.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope
from typing_extensions import override

from bridge.contract.file_types import BINARY, is_shown
from bridge.contract.requests.media_get import MediaAnswer
from bridge.http.context import AppContext, media_of
from bridge.http.dependencies import Caller, ContextOf, needs
from bridge.http.errors import Forbidden, NotFound
from bridge.ports import KeptPicture, MediaStore, ReceivedMedia, Scope, SentFile

router = APIRouter(tags=["media"])
_SHA256 = "[0-9a-f]{64}"
#: The path of a file, which a signed link opens without a key.
FILE_PATH = re.compile(f"/v1/media/({_SHA256})")
_POLICY = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
_ONE_DAY = 86400


class MediaPage(BaseModel):
    """Files, newest message first. `next` = `before` for the next page; null = there are no older ones."""

    items: list[MediaAnswer]
    next: int | None


@router.get("/sessions/{session}/media", dependencies=[needs(Scope.LISTEN)])
async def list_media(
    session: str,
    context: ContextOf,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MediaPage:
    """The files of this session's messages; a link works for a week."""
    rows = await media_of(context.entry(session)).recent(before, limit)
    items = [context.media.answer(row, session, context.clock.now()) for row in rows]
    return MediaPage(items=items, next=rows[-1].number if len(rows) == limit else None)


@router.get(
    "/media/{sha256}",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {"*/*": {}}},
        206: {"description": "The part that `Range` names"},
        304: {"description": "Not changed"},
    },
)
async def read_file(
    sha256: Annotated[str, Path(pattern=f"^{_SHA256}$")], request: Request, context: ContextOf, caller: Caller
) -> Response:
    """The file of a message: with a key that may read a session which has it, or with the signed link of an event."""
    session = context.media.links.session_of(sha256, request.query_params, context.clock.now())
    signed = session is not None
    sessions = [session] if session else [name for name in context.entries if caller.may(Scope.LISTEN, name)]
    if not sessions:
        raise Forbidden("This needs the scope listen, or a link that has not expired: media.get gives a new one.")
    row = await _find(sha256, sessions, context)
    if row is None or await context.media.store.find(sha256) is None:
        raise NotFound("There is no such file.")
    headers = _headers(row, sha256, signed=signed)
    if sha256 in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return _StoredFile(context.media.store, sha256, row.mimetype or BINARY, headers)


async def _find(sha256: str, sessions: list[str], context: AppContext) -> ReceivedMedia | KeptPicture | SentFile | None:
    """The newest message with this file in one of these sessions, a profile picture, or a command that sends it."""
    for name in sessions:
        entry = context.entries.get(name)
        if entry is None or entry.media is None:
            continue
        if rows := await entry.media.of_file(sha256):
            return rows[0]
        if (picture := await entry.media.picture_with(sha256)) is not None:
            return picture
        if (sent := await entry.media.sent_with(sha256)) is not None:
            return sent
    return None


def _headers(row: ReceivedMedia | KeptPicture | SentFile, sha256: str, *, signed: bool) -> dict[str, str]:
    shown = "inline" if is_shown(row.mimetype or "") else "attachment"
    filename = None if isinstance(row, KeptPicture) else row.filename
    name = filename or f"{sha256[:16]}{_extension(row.mimetype)}"
    plain = re.sub(r"[^\w .()-]", "_", name, flags=re.ASCII)
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": f"private, max-age={_ONE_DAY}, immutable",
        "Content-Disposition": f"{shown}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        # a page that has the link may show the file
        "Cross-Origin-Resource-Policy": "cross-origin" if signed else "same-origin",
        "Accept-Ranges": "bytes",
    }


def _extension(mimetype: str | None) -> str:
    return mimetypes.guess_extension((mimetype or "").partition(";")[0]) or ""


class _StoredFile(Response):
    """A stored file, or the parts of it that the request names."""

    def __init__(self, store: MediaStore, sha256: str, mimetype: str, headers: dict[str, str]) -> None:
        self._store = store
        self._sha256 = sha256
        self._mimetype = mimetype
        self._given = headers
        self.background = None

    @override
    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        async with self._store.on_disk(self._sha256) as path:
            answer = FileResponse(path, headers=self._given, media_type=self._mimetype)
            await answer(scope, receive, send)
