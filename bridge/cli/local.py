"""What commands on a session's own files have in common: which session is meant, and whether the person agrees."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bridge.settings import Settings


def configured(settings: Settings, session: str | None) -> str:
    """The session's name, by default the first. Raises `NoSuchSession`: the name becomes part of a path."""
    from bridge.contract.errors import NoSuchSession

    known = [setting.name for setting in settings.sessions]
    if session is None:
        return known[0]
    if session not in known:
        raise NoSuchSession(
            f"WA_SESSIONS does not name {session!r}; it names {', '.join(known)}. Choose with --session."
        )
    return session


def agreed(question: str, *, yes: bool, json: bool) -> None:
    """Return if the person agrees; a program has to say so beforehand. Raises ValueError, `typer.Abort`."""
    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ValueError(f"{question} Say so with --yes: nobody is here to be asked.")
    typer.confirm(question, abort=True, err=True)
