"""`wa send`: sends one text and prints each tick."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, exit_of_result, fail, print_json_line, run

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.client import Ack, Result, Until


class Wait(StrEnum):
    NO = "no"
    ACCEPTED = "accepted"
    SENT = "sent"
    DEVICE = "device"
    READ = "read"


class PriorityChoice(StrEnum):
    """Repeats the contract's priorities, so that `wa --help` does not load the contract."""

    HUMAN = "human"
    REPLY = "reply"
    BULK = "bulk"


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(send)


def send(
    to: Annotated[str, typer.Argument(help="Phone number in international form, in any spelling, or a chat address.")],
    text: Annotated[str, typer.Argument(help="The text; - reads it from standard input.")],
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    command_id: Annotated[
        str | None,
        typer.Option("--id", help="Your id for the command. Repeating an id returns its result and never sends twice."),
    ] = None,
    ttl: Annotated[
        int | None, typer.Option(help="Seconds within which it must be sent; 0 = no limit. Default 3600.")
    ] = None,
    priority: Annotated[PriorityChoice | None, typer.Option(help="Order among waiting chats.")] = None,
    wait: Annotated[
        Wait, typer.Option(help="Return once this state is reached; no = once the broker has the command.")
    ] = Wait.SENT,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait.")] = 60,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per result and ack.")] = False,
) -> None:
    """Send a text to a person or a group, and print each tick.

    wa send 5491155500001 "Hola"        echo "Hola" | wa send +54-9-11-5550-0001 -
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.client import InvalidRequest, Priority, Result

        try:
            body = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n") if text == "-" else text
        except UnicodeDecodeError as error:
            raise InvalidRequest("The text on standard input is not valid UTF-8.") from error
        out = console()
        chosen = Priority(priority.value) if priority else None
        async with connect_session(session, "send") as connected:
            client, name = connected.client, connected.session
            if wait is Wait.NO:
                posted_id = await client.post(name, to, body, id=command_id, ttl=ttl, priority=chosen)
                out.print(
                    f'{{"id": "{posted_id}"}}' if json else f"accepted by the broker · id {posted_id}", highlight=False
                )
                return Exit.OK
            ticks = Ticks(out, json=json)
            async for step in client.send_steps(
                name,
                to,
                body,
                id=command_id,
                ttl=ttl,
                priority=chosen,
                until=cast("Until", wait.value),
                timeout=timeout,
            ):
                ticks.show(step)
        result = ticks.result
        if not isinstance(result, Result):
            return Exit.WAITING
        if result.error is not None:
            fail(result.error.text)
        elif result.status == "unknown":
            fail("Outcome unknown: check the chat before sending again.")
        elif not ticks.reached(wait.value):
            fail(f"Still waiting after {timeout:g} s. The bridge continues; query the result with --id {result.id}")
            return Exit.WAITING
        return Exit.OK if wait is Wait.ACCEPTED and result.status == "accepted" else exit_of_result(result)

    run(command)


_LABELS = {
    "accepted": "accepted",
    "sent": "sent ✓",
    "device": "delivered ✓✓",
    "read": "read [bold blue]✓✓[/]",
    "played": "played [bold blue]✓✓[/]",
    "failed": "[red]failed ✗[/]",
    "unknown": "[yellow]unknown ?[/]",
}
_ORDER = ["accepted", "sent", "device", "read", "played"]


class Ticks:
    """Prints every new state once: a result and a tick may report the same one."""

    def __init__(self, out: Console, *, json: bool) -> None:
        self.result: Result | None = None
        self._out = out
        self._json = json
        self._shown: list[str] = []

    def show(self, step: Result | Ack) -> None:
        from bridge.client import Result

        if isinstance(step, Result):
            self.result = step
            state = str(step.status)
        else:
            state = {"server": "sent", "error": "failed"}.get(step.ack, str(step.ack))
        is_new = state not in self._shown
        self._shown.append(state)
        if self._json:
            print_json_line(step.to_json())
        elif is_new:
            self._out.print(_LABELS[state] + (f" · id {step.id}" if state == "accepted" else ""), highlight=False)

    def reached(self, state: str) -> bool:
        """Whether `state` or a later one was shown."""
        return any(later in self._shown for later in _ORDER[_ORDER.index(state) :])
