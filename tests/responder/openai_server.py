"""A server with OpenAI's APIs for chat completions and transcriptions, whose failures are scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Self

from tests.stream_server import stream_server


def completion(text: str | None, *, finish: str = "stop") -> bytes:
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "test",
            "choices": [
                {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}},
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }
    ).encode()


def form_of(head: bytes, body: bytes) -> dict[str, Any]:
    """The fields of a multipart form; a file is its name, type and bytes."""
    line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-type:"))
    fields: dict[str, Any] = {}
    for part in BytesParser().parsebytes(line + b"\r\n\r\n" + body).get_payload():
        assert not isinstance(part, str)
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        fields[str(name)] = (part.get_filename(), part.get_content_type(), content) if part.get_filename() else content
    return fields


class OpenAiServer:
    """Use as `async with`. Each request takes one entry of `script`; after the last one, `answer` makes the answers.

    An entry is a text (the answer), an int (the HTTP status), bytes (the body), a float (seconds until an answer),
    an event (an answer once it is set), a dict (429 with these headers), a pair (status and body, a str for a page), or
    None (the connection is closed). A transcription takes one of `spoken` instead, whose texts are what was said, or
    says `said`. `refuse` may answer a request by an error instead, with status 400.
    """

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.answer: Callable[[list[dict[str, str]]], str] = lambda messages: f"Sobre «{messages[-1]['content']}»: sí."
        self.refuse: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: None
        self.asked: list[dict[str, Any]] = []
        self.spoken: list[Any] = []
        self.said = "hola"
        self.heard: list[dict[str, Any]] = []  # the fields of each transcription
        self.at_once = 0
        self.most_at_once = 0
        self._server = AsyncExitStack()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def questions(self) -> list[list[dict[str, str]]]:
        """The messages of each request."""
        return [request["messages"] for request in self.asked]

    async def __aenter__(self) -> Self:
        self._port = await self._server.enter_async_context(stream_server(self._serve))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length)
            request = form_of(head, body) if b"/audio/transcriptions" in head else json.loads(body)
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            try:
                await self._respond(request, writer)
            finally:
                self.at_once -= 1

    def _step(self, request: dict[str, Any]) -> Any:
        if "file" in request:
            self.heard.append(request)
            step = self.spoken.pop(0) if self.spoken else self.said
            return json.dumps({"text": step}).encode() if isinstance(step, str) else step
        self.asked.append(request)
        if refusal := self.refuse(request):
            return 400, json.dumps({"error": refusal}).encode()
        return self.script.pop(0) if self.script else self.answer(request["messages"])

    async def _respond(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        step = self._step(request)
        content_type = "application/json"
        status, headers, body = 200, {}, b""
        match step:
            case None:
                raise ConnectionAbortedError
            case str():
                body = completion(step)
            case bytes():
                body = step
            case float():
                await asyncio.sleep(step)
                body = completion("tarde")
            case asyncio.Event():
                await step.wait()
                is_speech = "file" in request
                body = (
                    json.dumps({"text": self.said}).encode()
                    if is_speech
                    else completion(self.answer(request["messages"]))
                )
            case int():
                status, body = step, b'{"error": {"message": "no"}}'
            case (int() as status, bytes() as body):
                pass
            case (int() as status, str() as page):
                body, content_type = page.encode(), "text/html; charset=utf-8"
            case dict():
                status, headers, body = 429, step, b'{"error": {"message": "slow down"}}'
        lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
