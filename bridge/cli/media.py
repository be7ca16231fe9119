"""`wa media`: the files of received messages, over HTTP from a running bridge."""

from __future__ import annotations

import asyncio
import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.foreign_text import one_line
from bridge.cli.run import EXIT_HELP, Exit, console, fail, print_json_line, run

if TYPE_CHECKING:
    from bridge.cli.facade import FacadeClient

app = typer.Typer(no_args_is_help=True, help="List and save the files of received messages.")
Session = Annotated[str | None, typer.Option("--session", help="Session; the first one by default.")]
#: Seconds between two looks at a download.
_POLL = 0.5


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="media")


@app.command("list", epilog=EXIT_HELP)
def list_files(
    session: Session = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Number of files.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines with the API's fields.")] = False,
) -> None:
    """List files, those of the newest message first."""

    async def command() -> Exit:
        from bridge.cli.facade import facade
        from bridge.cli.paths import configured_session, load_running

        settings = load_running()
        name = configured_session(settings, session)
        async with facade(settings) as client:
            page = await client.request("GET", f"/v1/sessions/{name}/media", limit=limit)
        if not page["items"] and not json:
            console().print(f"No message of {name} has a file.", markup=False, highlight=False)
        for one in page["items"]:
            if json:
                print_json_line(json_format.dumps(one))
            else:
                size = "" if one["size"] is None else f"{one['size']:,} bytes"
                said = "  ".join(filter(None, (one["state"], one["mimetype"], size, one["filename"])))
                console().print(f"{one['message_id']}  {one_line(said)}", markup=False, highlight=False)
        return Exit.OK

    run(command)


@app.command("get", epilog=EXIT_HELP)
def get_file(
    message_id: Annotated[str, typer.Argument(help="The message's id, as in `wa media list`.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File, or folder; by default the current folder.")
    ] = None,
    session: Session = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Maximum seconds to wait for a download.")] = 120,
) -> None:
    """Save the file of a message; it is downloaded from WhatsApp if the bridge does not have it."""

    async def command() -> Exit:
        from bridge.cli.facade import facade
        from bridge.cli.paths import configured_session, load_running
        from bridge.cli.saved_files import file_name

        settings = load_running()
        name = configured_session(settings, session)
        async with facade(settings) as client:
            found = await _wait(client, name, message_id, timeout)
            if found["state"] != "ready":
                fail(f"The file is {found['state']}.")
                return Exit.FAILED
            target = output or Path()
            if output is None or await asyncio.to_thread(target.is_dir):
                target /= file_name(found["sha256"], found["filename"], found["mimetype"])
            await client.save(f"/v1/media/{found['sha256']}", target, found["sha256"])
        typer.echo(str(target))
        return Exit.OK

    run(command)


async def _wait(client: FacadeClient, session: str, message_id: str, timeout: float) -> dict[str, Any]:
    """The file's fields once it is `ready` or not coming, or as they are after `timeout` seconds."""
    until = asyncio.get_running_loop().time() + timeout
    while True:
        answer = await client.request(
            "POST", f"/v1/sessions/{session}/requests/media.get", body={"message_id": message_id}
        )
        found: dict[str, Any] = answer["data"]
        if found["state"] != "pending" or asyncio.get_running_loop().time() > until:
            return found
        await asyncio.sleep(_POLL)
