"""`wa pair`: pairing in the terminal by QR code, pairing code and passkey, or in a browser window."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.foreign_text import printable
from bridge.cli.run import EXIT_HELP, Exit, fail, print_json_line, run


def register(app: typer.Typer) -> None:
    app.command(epilog=EXIT_HELP)(pair)


def pair(
    session: Annotated[str | None, typer.Option(help="Session; the first one by default.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the QR code to this file instead.", dir_okay=False)] = None,
    phone: Annotated[
        str | None, typer.Option(help="Number of the phone to link: shows a pairing code to type there instead.")
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="Pair in a browser window here, without a bridge; needs a screen.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Show one code, then exit.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per code, passkey request and state.")] = False,
) -> None:
    """Show the QR code to scan: on the phone, Settings > Linked devices > Link a device. Exits when it is paired.

    Without a camera: `--phone` with the number, and on the phone "Link with phone number instead". If WhatsApp asks for
    the account's passkey, what to do is printed, and the answer is pasted here.
    """
    if window:
        if phone or png or once or json:
            raise typer.BadParameter("--window goes with --session only.")
        from bridge.cli.pair_window import pair_in_window

        run(lambda: pair_in_window(session))

    async def command() -> Exit:
        from bridge.cli.connect import connect_session
        from bridge.cli.passkey_prompt import PasskeyPrompt
        from bridge.client import Passkey, Qr

        height, typed = 0, False
        async with connect_session(session, "pair") as connected, PasskeyPrompt(connected) as prompt:
            await connected.client.status(connected.session)
            if phone is not None:
                async for result in connected.client.control(connected.session, "init", phone=phone):
                    if result.error is not None:
                        fail(result.error.text)
                        return Exit.FAILED
            async for step in connected.client.pairing(connected.session):
                if typed and isinstance(step, Qr) and step.link_code is None:  # WhatsApp gives no pairing code any more
                    fail("The pairing code ended before the phone took it. Run this again for another one.")
                    return Exit.FAILED
                typed = typed or (isinstance(step, Qr) and step.link_code is not None)
                if json:
                    print_json_line(step.to_json())
                elif isinstance(step, Passkey):
                    height = 0
                    prompt.show(step)
                elif isinstance(step, Qr) and step.link_code is not None:
                    height = 0
                    typer.echo(f"Type {step.code[:4]}-{step.code[4:]} on the phone{f' {phone}' if phone else ''}.")
                elif isinstance(step, Qr) and phone is not None:
                    continue
                elif isinstance(step, Qr):
                    height = _show(step.code, png, height)
                else:
                    height = 0
                    typer.echo(f"{connected.session} is {step.state}: {printable(step.text)}", err=True)
                if once and isinstance(step, Qr):
                    return Exit.OK
                if once and not isinstance(step, (Qr, Passkey)) and step.state == "offline":
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
