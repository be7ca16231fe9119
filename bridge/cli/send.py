"""`wa send`: one text, and each tick on its way."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bridge.cli.run import EXIT_HELP, Exit, exit_of_result

if TYPE_CHECKING:
    from rich.console import Console

    from bridge.client import Ack, Result, Until


class Wait(StrEnum):
    """What to wait for."""

    NO = "no"
    ACCEPTED = "accepted"
    SENT = "sent"
    DEVICE = "device"
    READ = "read"


class PriorityChoice(StrEnum):
    """As in the contract, here so that `wa --help` need not load it."""

    HUMAN = "human"
    REPLY = "reply"
    BULK = "bulk"


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(send)


def send(
    to: Annotated[str, typer.Argument(help="Phone number in international form, in any spelling, or an address.")],
    text: Annotated[str, typer.Argument(help="The message; - reads it from standard input.")],
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    command_id: Annotated[
        str | None, typer.Option("--id", help="Your id for it. Repeating an id asks again and never sends twice.")
    ] = None,
    ttl: Annotated[
        int | None, typer.Option(help="Seconds in which it may be sent; 0 = no limit. Default 3600.")
    ] = None,
    priority: Annotated[PriorityChoice | None, typer.Option(help="Which chat goes first when several wait.")] = None,
    wait: Annotated[Wait, typer.Option(help="Return when it is so far; no = once the broker has it.")] = Wait.SENT,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait at most.")] = 60,
    json: Annotated[bool, typer.Option("--json", help="Every result and ack as a JSON line.")] = False,
) -> None:
    """Send a text to a person or a group, and print each tick.

    wa send 5491155500001 "Hola"        echo "Hola" | wa send +54-9-11-5550-0001 -
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.cli.connect import join
        from bridge.cli.run import console
        from bridge.cli.service import fail
        from bridge.client import InvalidRequest, Priority, Result

        try:
            body = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n") if text == "-" else text
        except UnicodeDecodeError as error:
            raise InvalidRequest("The text on standard input is not valid UTF-8.") from error
        out = console()
        chosen = Priority(priority.value) if priority else None
        async with join(session, "send") as joined:
            client, name = joined.client, joined.session
            if wait is Wait.NO:
                given = await client.post(name, to, body, id=command_id, ttl=ttl, priority=chosen)
                out.print(f'{{"id": "{given}"}}' if json else f"handed to the broker · id {given}", highlight=False)
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
            fail("Nobody can tell whether it was sent: look at the chat before sending it again.")
        elif not ticks.reached(wait.value):
            fail(f"Still waiting after {timeout:g} s. The bridge goes on; ask again with --id {result.id}")
            return Exit.WAITING
        return Exit.OK if wait is Wait.ACCEPTED and result.status == "accepted" else exit_of_result(result)

    run(command)


_WORDS = {
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
    """Prints what is new; a tick and a result that say the same are one line."""

    def __init__(self, out: Console, *, json: bool) -> None:
        self.result: Result | None = None
        self._out = out
        self._json = json
        self._shown: list[str] = []

    def show(self, step: Result | Ack) -> None:
        from bridge.client import Result

        if isinstance(step, Result):
            self.result = step
            word = str(step.status)
        else:
            word = {"server": "sent", "error": "failed"}.get(step.ack, str(step.ack))
        fresh = word not in self._shown
        self._shown.append(word)
        if self._json:
            from bridge.cli.run import print_json_line

            print_json_line(step.to_json())
        elif fresh:
            self._out.print(_WORDS[word] + (f" · id {step.id}" if word == "accepted" else ""), highlight=False)

    def reached(self, wanted: str) -> bool:
        """Whether it is as far as `wanted`, or further."""
        return any(word in self._shown for word in _ORDER[_ORDER.index(wanted) :])
