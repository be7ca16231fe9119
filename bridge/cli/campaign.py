"""`wa campaign`: plan, start and follow campaigns, over HTTP from a running bridge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, clock_time, console, print_json_line, run
from bridge.contract.errors import CodedError

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

app = typer.Typer(no_args_is_help=True, help="Plan campaigns, start and follow them, read their reports.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines with the API's fields.")]
Name = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its id, or the FILE that it was planned from (by its name).")
]
Watch = Annotated[bool, typer.Option(help="Show a progress bar until it ends; Ctrl-C ends only the bar.")]
#: Seconds between two looks at a running campaign.
EVERY = 1.0
_FINAL = frozenset({"done", "cancelled"})
_ENDED = _FINAL | {"stopped", "paused"}
#: The numbers that are printed, in words.
_COUNTS = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "answered": "answered",
    "waiting": "waiting",
    "sending": "on the way",
    "failed": "failed",
    "unknown": "in doubt",
    "skipped": "left out",
}
#: The rules by which people are left out, in words.
_RULES = {
    "opted_out": "who asked for no more messages",
    "duplicates": "whose number is there twice",
    "wrote_in_last_days": "who wrote lately",
    "not_on_whatsapp": "who are not on WhatsApp",
}


class CampaignNotFound(CodedError):
    """No campaign, or more than one, belongs to the file."""

    code = "not_found"


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="campaign")


@app.command(epilog=EXIT_HELP)
def plan(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A list (CSV, XLSX), or a plan (.json) as POST /v1/campaigns takes.")
    ],
    text: Annotated[
        list[str] | None, typer.Option("--text", help="Text with {{name}}; several: each recipient gets one of them.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the campaign; the file's by default.")] = None,
    campaign_id: Annotated[str | None, typer.Option("--id", help="Its id: letters, digits, _ and -.")] = None,
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only rows of the list with this tag.")] = None,
    image: Annotated[str | None, typer.Option(help="SHA-256 of an uploaded picture that goes with the text.")] = None,
    ask_first: Annotated[str | None, typer.Option(help="Question that is sent first; the text follows a yes.")] = None,
    days: Annotated[str, typer.Option(help="Days on which it sends: mon-fri, or mon,wed,sat.")] = "mon-sun",
    hours: Annotated[str, typer.Option(help="Hours in which it sends.")] = "09:00-20:00",
    timezone: Annotated[str, typer.Option(help="Time zone of the hours.")] = "America/Argentina/Buenos_Aires",
    pace: Annotated[str, typer.Option(help="For example 2/minute, 30/hour, off.")] = "2/minute",
    per_day: Annotated[int | None, typer.Option(help="Most messages of a day.")] = None,
    warm_up: Annotated[str | None, typer.Option(help="Most messages of the first days, for example 20,50,100.")] = None,
    start_at: Annotated[str | None, typer.Option(help="Starts then by itself: 2026-09-01T09:00:00-03:00.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent and when; keep nothing.")] = False,
    json_lines: Json = False,
) -> None:
    """Plan a campaign from a list: shows five real texts, the rows that are not used, and when it would end.

    Nothing is sent before `wa campaign start`.
    """
    fields: dict[str, Any] = {}
    try:
        file.open("rb").close()
    except OSError as error:
        _run_error(f"{file} cannot be read: {error.strerror or error}.")
    if file.suffix.lower() != ".json":
        if not text:
            _run_error("A list needs --text, for example --text 'Hola {{nombre}}'.")
        fields = {"variants": text, "name": name or file.stem, "pace": pace, "window": _window(days, hours, timezone)}
        fields |= {"tags": tag} if tag else {}
        fields |= {"media": {"kind": "image", "sha256": image}} if image else {}
    fields |= {"id": campaign_id} if campaign_id else {}
    fields |= {"session": session} if session else {}
    fields |= {"ask_first": ask_first} if ask_first else {}
    fields |= {"per_day": per_day} if per_day else {}
    fields |= {"warm_up": [int(step) for step in warm_up.split(",")]} if warm_up else {}
    fields |= {"start_at": start_at} if start_at else {}

    async def command(client: FacadeClient) -> Exit:
        if file.suffix.lower() == ".json":
            body = await _read_plan(file) | fields
        else:
            found = await client.send_file("/v1/campaigns/lists", _parts(file), name=file.name)
            body = {**fields, "list": found["id"]}
            _print_list(found, as_json=json_lines)
        view = await client.request("POST", "/v1/campaigns", body, dry_run=dry_run)
        if json_lines:
            print_json_line(json.dumps(view, ensure_ascii=False))
        else:
            _print_plan(view, dry_run=dry_run)
        return Exit.OK

    _run(command)


@app.command(epilog=EXIT_HELP)
def start(campaign: Name, watch: Watch = False, json_lines: Json = False) -> None:
    """Start a campaign that was planned."""
    _act(campaign, "start", watch=watch, as_json=json_lines)


@app.command(epilog=EXIT_HELP)
def pause(campaign: Name, json_lines: Json = False) -> None:
    """Pause a campaign. What the bridge has not sent yet is taken back."""
    _act(campaign, "pause", as_json=json_lines)


@app.command(epilog=EXIT_HELP)
def resume(campaign: Name, watch: Watch = False, json_lines: Json = False) -> None:
    """Go on with a campaign that was paused, or that a rule stopped."""
    _act(campaign, "resume", watch=watch, as_json=json_lines)


@app.command(epilog=EXIT_HELP)
def cancel(campaign: Name, json_lines: Json = False) -> None:
    """End a campaign for good."""
    _act(campaign, "cancel", as_json=json_lines)


@app.command(epilog=EXIT_HELP)
def retry(
    campaign: Name,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also those that may have been sent: they may get it twice.")
    ] = False,
    watch: Watch = False,
    json_lines: Json = False,
) -> None:
    """Send again to those whose message failed."""
    _act(campaign, "retry", watch=watch, as_json=json_lines, unknown=unknown)


@app.command(epilog=EXIT_HELP)
def show(campaign: Name, watch: Watch = False, json_lines: Json = False) -> None:
    """Show how far a campaign is, and what it waits for."""

    async def command(client: FacadeClient) -> Exit:
        view = await client.request("GET", f"/v1/campaigns/{await _id_of(client, campaign)}")
        return await _shown(client, view, watch=watch, as_json=json_lines)

    _run(command)


@app.command("list", epilog=EXIT_HELP)
def list_campaigns(
    session: Annotated[str | None, typer.Option(help="Only this session; all by default.")] = None,
    json_lines: Json = False,
) -> None:
    """List the campaigns, newest first."""

    async def command(client: FacadeClient) -> Exit:
        query = {} if session is None else {"session": session}
        found = (await client.request("GET", "/v1/campaigns", **query))["campaigns"]
        if json_lines:
            for one in found:
                print_json_line(json.dumps(one, ensure_ascii=False))
            return Exit.OK
        for one in found:
            _line(f"{one['id']}  {one['state']}  {_numbers(one)}  {one['name']}")
        if not found:
            _line("There is no campaign: `wa campaign plan FILE` makes one.")
        return Exit.OK

    _run(command)


@app.command(epilog=EXIT_HELP)
def report(
    campaign: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to write it; default: to the terminal.")
    ] = None,
) -> None:
    """Write the report: CSV with each recipient's state, ticks and first answer."""

    async def command(client: FacadeClient) -> Exit:
        content = await client.text(f"/v1/campaigns/{await _id_of(client, campaign)}/report.csv")
        if file is None:
            typer.echo(content.decode("utf-8-sig"), nl=False)
        else:
            await asyncio.to_thread(file.write_bytes, content)
            _line(f"Written to {file}.")
        return Exit.OK

    _run(command)


def _act(campaign: str, action: str, *, watch: bool = False, as_json: bool = False, unknown: bool = False) -> NoReturn:
    async def command(client: FacadeClient) -> Exit:
        query = {"unknown": "true"} if unknown else {}
        view = await client.request("POST", f"/v1/campaigns/{await _id_of(client, campaign)}/{action}", **query)
        return await _shown(client, view, watch=watch, as_json=as_json)

    _run(command)


async def _id_of(client: FacadeClient, campaign: str) -> str:
    """The id of a campaign that is given by its id, which has no dot, or by the file that it was planned from.

    A file means the campaign with the id or name in it, or with the file's own name. One that has not ended is
    preferred. Raises `CampaignNotFound`.
    """
    file = Path(campaign)
    if not file.suffix:
        return campaign
    names: set[Any] = {file.stem}
    if file.suffix.lower() == ".json":
        body = await _read_plan(file)
        names = {body.get("id"), body.get("name")}
    every = (await client.request("GET", "/v1/campaigns"))["campaigns"]
    found = [one for one in every if one["id"] in names or one["name"] in names]
    found = [one for one in found if one["state"] not in _FINAL] or found
    match found:
        case []:
            raise CampaignNotFound(f"No campaign was planned from {file.name}: `wa campaign plan` does that.")
        case [one]:
            return str(one["id"])
    ids = ", ".join(one["id"] for one in found)
    raise CampaignNotFound(f"Several campaigns were planned from {file.name}: {ids}. Give the id of one.")


async def _read_plan(file: Path) -> dict[str, Any]:
    """The object in a plan's file. Raises ValueError."""
    try:
        body = json.loads(await asyncio.to_thread(file.read_text, "utf-8"))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ValueError(f"{file.name} is no plan: {error}.") from error
    if not isinstance(body, dict):
        raise ValueError(f"{file.name} is no plan: it has to be an object, {{…}}.")  # noqa: TRY004 - a fault of the file
    return body


async def _shown(client: FacadeClient, view: dict[str, Any], *, watch: bool, as_json: bool) -> Exit:
    """Print a campaign, or follow it with a bar until it ends."""
    if watch:
        view = await _followed(client, view)
    if as_json:
        print_json_line(json.dumps(view, ensure_ascii=False))
    else:
        _print_state(view)
    return Exit.FAILED if view["state"] == "stopped" else Exit.OK


async def _followed(client: FacadeClient, view: dict[str, Any]) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    output = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[end]}"))
    with Progress(*columns, console=output, transient=True, disable=not output.is_terminal) as progress:
        task = progress.add_task(printable(view["name"]), total=view["planned"] or 1, end="")
        while view["state"] not in _ENDED:
            finished = view["planned"] - view["waiting"] - view["sending"]
            progress.update(task, completed=finished, total=view["planned"] or 1, end=printable(_end(view)))
            await asyncio.sleep(EVERY)
            view = await client.request("GET", f"/v1/campaigns/{view['id']}")
    return view


def _print_list(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        return
    merged = found["duplicates"]
    twice = f", {_some(merged, 'row')} merged: the number is there twice" if merged else ""
    _line(f"{found['name']}: {_some(found['rows'], 'person', 'people')}{twice}.")
    names = [name for name in found["columns"] if name != "name" or "nombre" not in found["columns"]]
    if names:
        _line(f"Texts can use {', '.join(f'{{{{{name}}}}}' for name in names)}.")
    _print_bad_rows(found)


def _print_plan(view: dict[str, Any], *, dry_run: bool) -> None:
    _print_bad_rows(view)
    for rule, count in view["skipped_by"].items():
        _line(f"Left out: {count}, {_RULES.get(rule, rule)}.")
    shown, planned = view["preview"], view["planned"]
    _line("")
    _line("What they get:" if len(shown) == planned else f"What the first {len(shown)} of them get:")
    for one in shown:
        name = f" ({one['name']})" if one["name"] else ""
        _line(f"  {one['to']}{name}: {one['text']}")
    _line("")
    _line(f"{_some(planned, 'message')}. {_end(view) or 'At this pace it takes more than ten years.'}")
    if dry_run:
        _line("This was a dry run: nothing is kept and nothing is sent.")
    else:
        _line(f"Nothing is sent yet. Start it: wa campaign start {view['id']}")


def _print_bad_rows(found: dict[str, Any]) -> None:
    for row in found["bad_rows"][:10]:
        _line(f"Line {row['line']} is not used: {row['reason']}.")
    if found["bad_row_count"] > 10:
        _line(f"… and {found['bad_row_count'] - 10} more.")


def _print_state(view: dict[str, Any]) -> None:
    _line(f"{view['name']} ({view['id']}): {view['state']}. {view['text'] or _end(view)}".rstrip())
    _line(_numbers(view))


def _numbers(view: dict[str, Any]) -> str:
    counted = ", ".join(f"{view[name]} {label}" for name, label in _COUNTS.items() if view[name] or name == "sent")
    return f"{_some(view['planned'], 'message')}: {counted}."


def _some(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def _end(view: dict[str, Any]) -> str:
    if view.get("eta") is None:
        return ""
    verb = "The last one leaves" if view["state"] in ("running", "scheduled") else "Started now, the last one leaves"
    return f"{verb} about {clock_time(datetime.fromisoformat(view['eta']))}."


def _window(days: str, hours: str, timezone: str) -> dict[str, Any]:
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    first, dash, last = days.strip().lower().partition("-")
    if dash and first in week and last in week:
        begin, end = week.index(first), week.index(last)
        chosen = week[begin : end + 1] if begin <= end else week[begin:] + week[: end + 1]
    else:
        chosen = [day.strip() for day in days.lower().split(",")]
    opens, _, closes = hours.partition("-")
    return {"days": chosen, "from": opens.strip(), "to": closes.strip(), "timezone": timezone}


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := await asyncio.to_thread(file.read, 1 << 18):
            yield part


def _line(text: str) -> None:
    console().print(printable(text), markup=False, highlight=False)


def _run(command: Callable[[FacadeClient], Awaitable[Exit]]) -> NoReturn:
    async def connected() -> Exit:
        from bridge.cli.facade import facade
        from bridge.cli.paths import load_running

        async with facade(load_running(), scope="send") as client:
            return await command(client)

    run(connected)


def _run_error(sentence: str) -> NoReturn:
    async def refused() -> Exit:
        raise ValueError(sentence)

    run(refused)
