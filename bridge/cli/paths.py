"""What commands on a bridge's own files have in common: which are meant, and whether the person agrees."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import BridgeSettings


#: The responder's SQLite in WA_DATA_DIR, where it has no database of its own.
RESPONDER_STORE = "responder.db"
#: Where `wa up --sandbox` keeps its data, in WA_DATA_DIR.
SANDBOX = "sandbox"


def configured(settings: BridgeSettings, session: str | None) -> str:
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


def shared_databases(settings: BridgeSettings) -> list[Path]:
    """What is in the data directory and belongs to no session: the bridge's own store, the responder's SQLite."""
    from bridge.store import BRIDGE_STORE

    return [settings.data_dir / name for name in (BRIDGE_STORE, RESPONDER_STORE)]


def agreed(question: str, *, yes: bool, json: bool) -> None:
    """Return if the person agrees; a program has to say so beforehand. Raises ValueError, `typer.Abort`."""
    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ValueError(f"{question} Say so with --yes: nobody is here to be asked.")
    typer.confirm(question, abort=True, err=True)
