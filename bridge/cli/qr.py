"""`wa qr`: the pairing code in the terminal or as a picture, renewed until it is scanned."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(qr)


def qr(
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the code into this file instead.", dir_okay=False)] = None,
    phone: Annotated[
        str | None, typer.Option(help="The number of the phone to link: shows a code to type there instead.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show one code and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Each code and state as a JSON line.")] = False,
) -> None:
    """Show the code to scan: on the phone, Settings > Linked devices > Link a device. Ends when it is scanned.

    Without a camera: `--phone` and the number, and on the phone "Link with phone number instead".
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.cli.connect import join
        from bridge.cli.run import print_json_line
        from bridge.cli.service import fail
        from bridge.client import Qr

        shown = 0
        async with join(session, "qr") as joined:
            await joined.client.status(joined.session)
            if phone is not None:
                async for result in joined.client.control(joined.session, "init", phone=phone):
                    if result.error is not None:
                        fail(result.error.text)
                        return Exit.FAILED
            async for step in joined.client.pairing(joined.session):
                if json:
                    print_json_line(step.to_json())
                elif isinstance(step, Qr) and phone is not None:
                    if step.link_code is None:
                        continue
                    typer.echo(f"Type {step.link_code[:4]}-{step.link_code[4:]} on the phone {phone}.")
                elif isinstance(step, Qr):
                    shown = _show(step.code, png, shown)
                else:
                    typer.echo(f"{joined.session} is {step.state}: {step.text}", err=True)
                    shown = 0
                if once and isinstance(step, Qr):
                    return Exit.OK
                if once and not isinstance(step, Qr) and step.state == "offline":
                    fail("The bridge is away: start it with `wa up` or `wa bridge`.")
                    return Exit.NO_BRIDGE
        return Exit.OK

    run(command)


def _show(code: str, png: Path | None, shown: int) -> int:
    """Show a code in the place of the one before; returns its height in lines."""
    import segno

    picture = segno.make(code, error="l", micro=False)
    if png is not None:
        draft = png.with_name(f".{png.name}.png")
        picture.save(str(draft), kind="png", scale=8, border=4)
        draft.replace(png)
        typer.echo(f"{png} holds the code.")
        return 0
    drawn = io.StringIO()
    picture.terminal(drawn, border=2, compact=True)
    if shown and sys.stdout.isatty():
        sys.stdout.write(f"\x1b[{shown}F\x1b[J")
    sys.stdout.write(drawn.getvalue())
    sys.stdout.flush()
    return drawn.getvalue().count("\n")
