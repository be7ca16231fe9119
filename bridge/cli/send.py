"""`wa send`: sends one text, or content of another kind, and prints each tick."""

from __future__ import annotations

import functools
import inspect
import re
import signal
import sys
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer
from typer.core import TyperCommand
from typing_extensions import override

from bridge.cli.run import EXIT_HELP, Exit, console, exit_of_result, fail, print_json_line, run

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from bridge.client import Ack, Content, Result, Until


#: Where the command line's content options leave their values, and those of the fields of a file.
_CONTENT, _FILE_FIELDS = "content", "file_fields"
_CLOCK = re.compile(r"\d{1,2}:\d{2}")


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


class SendCommandLine(TyperCommand):
    """Has an option for each kind of content that has a command-line form."""

    @override
    def get_params(self, ctx: Any) -> list[Any]:
        return [*_content_options(), *super().get_params(ctx)]


@functools.cache
def _content_options() -> list[Any]:
    from bridge.contract.kinds import KINDS  # here, so that `wa --help` does not load the contract

    def options() -> None: ...

    annotations = {kind.field: _annotation(kind) for kind in KINDS if kind.metavar}
    for kind in KINDS:
        for name in kind.file_options:
            annotations.setdefault(name, _field_annotation(name, kind))
    found = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in annotations.items()
    ]
    options.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    options.__annotations__ = {parameter.name: parameter.annotation for parameter in found}
    holder = typer.Typer(add_completion=False)
    holder.command()(options)
    return [parameter for parameter in typer.main.get_command(holder).params if parameter.name != "help"]


def _annotation(kind: type[Content]) -> Any:
    def keep(ctx: typer.Context, value: str | None) -> None:
        if value is not None:
            parsed: Any
            try:
                if kind.file_options and not value.startswith(("{", "http://", "https://")):
                    parsed = Path(value)
                else:
                    parsed = loads(value) if value.startswith(("{", "[")) else kind.from_option(value)
            except ValueError as error:
                raise typer.BadParameter(f"{value!r} is not {kind.metavar}, nor the field's JSON.") from error
            ctx.meta.setdefault(_CONTENT, {})[kind.field] = parsed

    option = typer.Option(
        f"--{kind.field}", metavar=kind.metavar, help=kind.option_help, expose_value=False, callback=keep
    )
    return Annotated[str | None, option]


def _field_annotation(name: str, kind: type[Content]) -> Any:
    """The option for a field of content with a file; a flag where the field is on or absent."""
    field = cast("type[BaseModel]", kind).model_fields[name]

    def keep(ctx: typer.Context, value: str | bool | None) -> None:
        if value:
            ctx.meta.setdefault(_FILE_FIELDS, {})[name] = value

    is_flag = bool in get_args(field.annotation)
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"With a file: {field.description}.",
        expose_value=False,
        callback=keep,
    )
    return Annotated[bool | None if is_flag else str | None, option]


async def _content(field: str, value: Any, more: dict[str, Any]) -> Content:
    """The content of the option `--<field>`, with the fields of other options; reads its file."""
    from bridge.contract.commands import content_of
    from bridge.contract.kinds import BY_FIELD

    for name in more.keys() - {*BY_FIELD[field].file_options}:
        raise typer.BadParameter(f"--{name.replace('_', '-')} does not go with --{field}.")
    if isinstance(value, Path):
        from bridge.cli.file_upload import fields_of

        value = await fields_of(value)
    return content_of(field, {**value, **more} if more else value)


def register(app: typer.Typer) -> None:
    app.command(cls=SendCommandLine, epilog=EXIT_HELP)(send)


def send(
    ctx: typer.Context,
    to: Annotated[
        str | None,
        typer.Argument(
            help="Phone number in international form, in any spelling, or a chat address."
            " A reaction, an edit or a revocation may name its chat itself."
        ),
    ] = None,
    text: Annotated[str | None, typer.Argument(help="The text; - reads it from standard input.")] = None,
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    command_id: Annotated[
        str | None,
        typer.Option("--id", help="Your id for the command. Repeating an id returns its result and never sends twice."),
    ] = None,
    ttl: Annotated[
        int | None, typer.Option(help="Seconds within which it must be sent; 0 = no limit. Default 3600.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Send it at 15:30 (the next one here), 2027-01-31 15:30 (here), or 2027-01-31T15:30-03:00."
            " Then it returns once the bridge has it, and --ttl counts from then.",
        ),
    ] = None,
    priority: Annotated[PriorityChoice | None, typer.Option(help="Order among waiting chats.")] = None,
    reply_to: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Answer this message: its id as published, or WhatsApp's part of it."),
    ] = None,
    mention: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO", help="Mention this person in a group, in any spelling; all = everybody. Repeatable."
        ),
    ] = None,
    link_preview: Annotated[
        bool, typer.Option("--link-preview", help="Show a preview of the text's link, which the phone fetches.")
    ] = False,
    typing: Annotated[float | None, typer.Option(metavar="SECONDS", help='Show "typing…" first.')] = None,
    wait: Annotated[
        Wait | None,
        typer.Option(
            help="Return once this state is reached; no = once the broker has the command. Default: sent; with --at"
            " accepted."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait.")] = 60,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per result and ack.")] = False,
) -> None:
    """Send a text, or other content, to a person or a group, and print each tick.

    wa send 5491155500001 "Hola"        echo "Hola" | wa send +54-9-11-5550-0001 -
    wa send 5491155500001 --image foto.jpg --caption "La fuga"
    """
    fields: dict[str, Any] = ctx.meta.get(_CONTENT, {})
    file_fields: dict[str, Any] = ctx.meta.get(_FILE_FIELDS, {})
    if len(fields) + (text is not None) != 1:
        raise typer.BadParameter("Give a TEXT or one content option.")
    if file_fields and not fields:
        raise typer.BadParameter(f"--{next(iter(file_fields)).replace('_', '-')} goes with a file.")
    if reply_to is not None and reply_to.startswith("@"):
        from bridge.contract.jid import no_message_id

        raise typer.BadParameter(f"{no_message_id(reply_to)}. Only what acts on a message takes @ and a command's id.")

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.client import Modifiers, Priority, Result
        from bridge.contract.commands import part_of

        send_at = None if at is None else moment(at, datetime.now().astimezone())
        until = wait or (Wait.SENT if at is None else Wait.ACCEPTED)
        given = next(iter(fields.items()), None)
        content = _text(text or "") if given is None else await _content(*given, file_fields)
        out = console()
        chosen = Priority(priority.value) if priority else None
        asked = {"reply_to": reply_to, "mentions": mention or None, "typing": typing, "link_preview": link_preview}
        modifiers = part_of(Modifiers, asked)
        async with connect_session(session, "send") as connected:
            client, name = connected.client, connected.session
            if until is Wait.NO:
                posted_id = await client.post(
                    *(name, to, content), id=command_id, ttl=ttl, send_at=send_at, priority=chosen, modifiers=modifiers
                )
                if json:
                    print_json_line(dumps({"id": posted_id}))
                else:
                    out.print(f"accepted by the broker · id {posted_id}", markup=False, highlight=False)
                return Exit.OK
            ticks = Ticks(out, json=json)
            async for step in client.send_steps(
                name,
                to,
                content,
                id=command_id,
                ttl=ttl,
                send_at=send_at,
                priority=chosen,
                modifiers=modifiers,
                until=cast("Until", until.value),
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
        elif not ticks.reached(until.value):
            why = f": it {waits}" if (waits := ticks.waits()) else ""
            fail(f"Not sent after {timeout:g} s{why}. The bridge continues; query the result with --id {result.id}")
            return Exit.WAITING
        return Exit.OK if until is Wait.ACCEPTED and result.status == "accepted" else exit_of_result(result)

    run(command)


def moment(text: str, now: datetime) -> datetime:
    """A time of the command line; without a zone or a date it is local time, the next one. `now` is local.

    Raises InvalidRequest.
    """
    from bridge.contract.errors import InvalidRequest

    try:
        if _CLOCK.fullmatch(text.strip()):
            given = datetime.combine(now.date(), time.fromisoformat(text.strip().zfill(5)))
            given = given if given.astimezone() > now else given + timedelta(days=1)
        else:
            given = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidRequest(
            f"{text[:40]!r} is not a time: write for example 15:30, or 2027-01-31 15:30, or 2027-01-31T15:30-03:00."
        ) from error
    given = given.astimezone()
    if given <= now:
        raise InvalidRequest(f"--at {text[:40]}: this time is past.")
    return given


def _text(given: str) -> str:
    from bridge.client import InvalidRequest

    if given != "-":
        return given
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # the loop's handler lets the reading go on
    try:
        return sys.stdin.buffer.read().decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InvalidRequest("The text on standard input is not valid UTF-8.") from error
    finally:
        signal.signal(signal.SIGINT, before)


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
            from rich.markup import escape

            more = (f"id {step.id}" if state == "accepted" else "", self.waits())
            line = " · ".join([_LABELS[state], *(escape(part) for part in more if part)])
            self._out.print(line, highlight=False)
        elif waits := self.waits():
            self._out.print(waits, markup=False, highlight=False)

    def waits(self) -> str:
        """Why the command is not sent yet, as a sentence; empty when it does not wait."""
        result = self.result
        if result is None or result.status != "accepted" or result.waits is None:
            return ""
        return result.waits.sentence(datetime.now(UTC))

    def reached(self, state: str) -> bool:
        """Whether `state` or a later one was shown."""
        return any(later in self._shown for later in _ORDER[_ORDER.index(state) :])
