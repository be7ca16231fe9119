"""`wa qr`: the QR code for pairing, in the terminal or as a PNG file, renewed until it is scanned."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.run import EXIT_HELP, Exit, fail, print_json_line, run


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(qr)


def qr(
    session: Annotated[str | None, typer.Option(help="Session; the first of WA_SESSIONS by default.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the QR code to this file instead.", dir_okay=False)] = None,
    phone: Annotated[
        str | None, typer.Option(help="Number of the phone to link: shows a pairing code to type there instead.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show one code, then exit.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per code and state.")] = False,
) -> None:
    """Show the QR code to scan: on the phone, Settings > Linked devices > Link a device. Exits when it is scanned.

    Without a camera: `--phone` with the number, and on the phone "Link with phone number instead".
    """

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.client import Qr

        height = 0
        async with connect_session(session, "qr") as connected:
            await connected.client.status(connected.session)
            if phone is not None:
                async for result in connected.client.control(connected.session, "init", phone=phone):
                    if result.error is not None:
                        fail(result.error.text)
                        return Exit.FAILED
            async for step in connected.client.pairing(connected.session):
                if json:
                    print_json_line(step.to_json())
                elif isinstance(step, Qr) and phone is not None:
                    if step.link_code is None:
                        continue
                    typer.echo(f"Type {step.link_code[:4]}-{step.link_code[4:]} on the phone {phone}.")
                elif isinstance(step, Qr):
                    height = _show(step.code, png, height)
                else:
                    typer.echo(f"{connected.session} is {step.state}: {step.text}", err=True)
                    height = 0
                if once and isinstance(step, Qr):
                    return Exit.OK
                if once and not isinstance(step, Qr) and step.state == "offline":
                    fail("The bridge is offline: start it with `wa up` or `wa bridge`.")
                    return Exit.NO_BRIDGE
        return Exit.OK

    run(command)


def _show(code: str, png: Path | None, previous: int) -> int:
    """Replace the QR code shown before, which was `previous` lines high; returns the new one's height."""
    import segno

    picture = segno.make(code, error="l", micro=False)
    if png is not None:
        draft = png.with_name(f".{png.name}.png")
        picture.save(str(draft), kind="png", scale=8, border=4)
        draft.replace(png)
        typer.echo(f"QR code written to {png}.")
        return 0
    drawn = io.StringIO()
    picture.terminal(drawn, border=2, compact=True)
    if previous and sys.stdout.isatty():
        sys.stdout.write(f"\x1b[{previous}F\x1b[J")
    sys.stdout.write(drawn.getvalue())
    sys.stdout.flush()
    return drawn.getvalue().count("\n")
