"""The command `wa`: one file per command. Imports happen when a command runs, so that `--help` is instant."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli import (
    backup,
    broker,
    campaign,
    campaigns,
    cancel,
    doctor,
    forget,
    key,
    listen,
    listeners,
    mcp,
    media,
    pair,
    panel,
    request,
    responder,
    restore,
    search,
    send,
    serve,
    session,
    status,
    store,
    trace,
    up,
    web,
)
from bridge.cli.run import collect_seldom
from bridge.cli.terminal import replace_what_cannot_be_encoded

app = typer.Typer(
    name="wa",
    help="WhatsApp over MQTT: one connection per number, shared by every program.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    *(
        up,
        serve,
        responder,
        campaigns,
        mcp,
        panel,
        send,
        cancel,
        request,
        listen,
        search,
        media,
        status,
        pair,
        trace,
        listeners,
    ),
    *(session, key, broker, doctor, campaign, web, backup, restore, store, forget),
)
for command in COMMANDS:
    command.register(app)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"wa {version('whatsapp-mqtt-bridge')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """WhatsApp over MQTT: one connection per number, shared by every program."""


def main() -> None:
    collect_seldom()
    replace_what_cannot_be_encoded()
    app()
