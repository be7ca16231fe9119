"""`/v1/media`: uploads of files that commands then name by their SHA-256."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from bridge.contract.errors import InternalError
from bridge.contract.file_types import HEAD, type_of
from bridge.http.dependencies import ContextOf, needs_scope
from bridge.http.errors import RequestTimedOut, problem
from bridge.http.v1.documents import problems
from bridge.ports import MediaUnusable, Scope, StoredMedia
from bridge.store.uploads import WrongOffset

router = APIRouter(tags=["media"])
#: The path whose body is not read by the guard.
UPLOAD = "/v1/media"
#: What the body must be declared as: a form of another site cannot send it.
BODY_TYPE = "application/octet-stream"
_PATTERN = "^[0-9a-f]{64}$"


class UploadedFile(BaseModel):
    """A file that the bridge has."""

    sha256: str = Field(description="for `sha256` of a command")
    size: int = Field(description="bytes")
    mimetype: str = Field(description="by its bytes")


class UploadProgress(BaseModel):
    """How much of a file has come."""

    sha256: str
    offset: int = Field(description="bytes that have come; the upload goes on here")
    file: UploadedFile | None = Field(description="the file, if it is whole: nothing needs to be uploaded")


@router.post(
    "/media",
    dependencies=[needs_scope(Scope.SEND)],
    response_class=Response,
    responses={**problems(408, 409), 200: {"description": "The bridge has the file", "model": UploadedFile}},
    openapi_extra={
        "requestBody": {"required": True, "content": {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def upload(
    request: Request,
    context: ContextOf,
    sha256: Annotated[
        str | None, Query(pattern=_PATTERN, description="of the whole file; with it an interrupted upload can go on")
    ] = None,
    offset: Annotated[int, Query(ge=0, description="where the body begins in the file")] = 0,
) -> Response:
    """Upload a file, from `offset` to its end. A file that the bridge has is answered at once.

    At another offset than the one that the bridge has, the answer is 409 with the right one in `offset`.
    """
    uploads = context.uploads
    announced = request.headers.get("content-length", "")
    parts = _parts(request, context.limits.body.timeout)
    try:
        stored = await uploads.receive(parts, sha256, offset, int(announced) if announced.isdigit() else None)
    except WrongOffset as error:
        return problem(error, offset=error.offset)
    except MediaUnusable as error:
        raise InternalError(error.text) from error
    except ClientDisconnect:
        return Response(status_code=400)  # no caller reads it
    return Response((await _describe(context, stored)).model_dump_json(), media_type="application/json")


@router.get("/media/{sha256}/upload", dependencies=[needs_scope(Scope.SEND)])
async def read_progress(sha256: Annotated[str, Path(pattern=_PATTERN)], context: ContextOf) -> UploadProgress:
    """Where the upload of a file goes on."""
    stored = await context.uploads.find(sha256)
    if stored is None:
        return UploadProgress(sha256=sha256, offset=await context.uploads.offset(sha256), file=None)
    return UploadProgress(sha256=sha256, offset=stored.size, file=await _describe(context, stored))


async def _describe(context: ContextOf, stored: StoredMedia) -> UploadedFile:
    head = await context.uploads.head(stored.sha256, HEAD)
    return UploadedFile(sha256=stored.sha256, size=stored.size, mimetype=type_of(head, None))


async def _parts(request: Request, timeout: float) -> AsyncIterator[bytes]:
    """The body; `timeout` is between two parts."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(timeout):
                part = await anext(stream, None)
        except TimeoutError as error:
            raise RequestTimedOut from error
        if part is None:
            return
        yield part
