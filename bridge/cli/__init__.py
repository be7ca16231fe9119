"""The command `wa`: one file per command. Imports happen when a command runs, so that `--help` is instant."""

from __future__ import annotations

import typer

from bridge.cli import (
    backup,
    broker,
    doctor,
    forget,
    key,
    listen,
    listeners,
    pair,
    request,
    responder,
    restore,
    send,
    serve,
    status,
    store,
    trace,
    up,
    web,
)

app = typer.Typer(
    name="wa",
    help="WhatsApp over MQTT: one connection per number, shared by every program.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    *(up, serve, responder, send, request, listen, status, pair, trace, listeners, key, broker, doctor),
    *(web, backup, restore, store, forget),
)
for command in COMMANDS:
    command.register(app)


def main() -> None:
    app()
