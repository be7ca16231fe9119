"""The command `wa`: one file per command. Only the file of the one that runs is loaded, and its imports happen then."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

from bridge.cli.run import collect_seldom
from bridge.cli.terminal import replace_what_cannot_be_encoded

#: The commands in the order of the help; each is a module of this package.
COMMANDS = (
    *("up", "bridge", "responder", "campaigns", "mcp", "panel", "send", "cancel", "request", "listen", "search"),
    *("media", "status", "pair", "trace", "listeners", "session", "key", "broker", "doctor", "campaign", "web"),
    *("backup", "restore", "store", "forget"),
)


def program(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """`wa` with these commands."""
    app = typer.Typer(
        name="wa",
        help="WhatsApp over MQTT: one connection per number, shared by every program.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in commands:
        import_module(f"{__name__}.{command}").register(app)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"wa {version('whatsapp-mqtt-bridge')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """WhatsApp over MQTT: one connection per number, shared by every program."""


def main() -> None:
    collect_seldom()
    replace_what_cannot_be_encoded()
    # all commands take 0.15 s of CPU: only the help and a wrong name need them
    named = [command for command in sys.argv[1:2] if command in COMMANDS]
    program(named or COMMANDS)()
