"""What `wa pair` prints when WhatsApp asks for the account's passkey, and the answers that a person pastes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Self

import typer

from bridge.cli.connect import SessionClient
from bridge.cli.run import fail
from bridge.client import CodedError, ControlResult, Passkey

_WARNING = (
    "Only for an account of your own. The answer gives this bridge the whole account: if another person asked you to do"
    " this, they are taking your account. Stop."
)


class PasskeyPrompt:
    """Prints what WhatsApp asks about the passkey, and passes on what is pasted."""

    def __init__(self, connected: SessionClient) -> None:
        self._connected = connected
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._buffer = b""
        self._asked: Passkey | None = None
        self._answering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._answering = asyncio.create_task(self._answer(), name="answers to passkey requests")
        with suppress(OSError, ValueError):  # no stdin, or a file: then it is answered elsewhere
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_reading()
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait([self._answering])

    def show(self, passkey: Passkey) -> None:
        """Print a request; what is pasted from now on answers it."""
        self._asked = passkey
        if passkey.line is not None:
            typer.echo(f"\n{_WARNING}\n")
            typer.echo(f"1. In Chrome or Edge, where the passkey is, open {passkey.origin} in a tab.")
            typer.echo(f"2. Open its console (F12, Console), paste this line and press Enter:\n\n{passkey.line}\n")
            typer.echo('3. Confirm with the passkey. Then paste here the line that begins with {"id", and press Enter.')
        elif passkey.code is not None:
            typer.echo(f'Does the phone show {passkey.code[:4]}-{passkey.code[4:]}, too? Type "yes" if it does.')

    async def _answer(self) -> None:
        client, session = self._connected.client, self._connected.session
        while line := await self._lines.get():
            if self._asked is None:
                continue
            if (code := self._asked.code) is not None:
                if line.lower() in ("yes", "y", "sí", "si"):
                    await self._report(client.control(session, "passkey_confirm", code=code))
                else:
                    typer.echo("Not confirmed. If the codes differ, restart the session.", err=True)
            elif (response := _parsed(line)) is None:
                fail('This is not what the console printed: a line that begins with {"id".')
            else:
                await self._report(client.control(session, "passkey", response=response))

    async def _report(self, results: AsyncIterator[ControlResult]) -> None:
        try:
            async for result in results:
                if result.error is not None:
                    fail(result.error.text)
        except CodedError as error:
            fail(error.text)

    def _read(self) -> None:
        chunk = os.read(sys.stdin.fileno(), 65536)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            if text := line.decode("utf-8", "replace").strip():
                self._lines.put_nowait(text)
        if not chunk:
            self._stop_reading()

    def _stop_reading(self) -> None:
        with suppress(OSError, ValueError):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def _parsed(line: str) -> dict[str, Any] | None:
    """The JSON that a console printed; some put quotes around text."""
    text = line[1:-1] if line[0] == line[-1] == "'" else line
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
