"""What commands on the bridge's own files share: which files they work on, and the confirmation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import BridgeSettings


#: The responder's SQLite file in WA_DATA_DIR, used unless it has another database.
RESPONDER_STORE = "responder.db"
#: The folder in WA_DATA_DIR with the data of `wa up --sandbox`.
SANDBOX = "sandbox"


def configured_session(settings: BridgeSettings, session: str | None) -> str:
    """The session's name, by default the first. Raises `NoSuchSession`, since the name becomes part of a path."""
    from bridge.contract.errors import NoSuchSession

    known = [setting.name for setting in settings.sessions]
    if session is None:
        return known[0]
    if session not in known:
        raise NoSuchSession(
            f"WA_SESSIONS does not name {session!r}; it names {', '.join(known)}. Choose one with --session."
        )
    return session


def shared_databases(settings: BridgeSettings) -> list[Path]:
    """The databases that belong to no session: the bridge's own store, the responder's SQLite file."""
    from bridge.store import BRIDGE_STORE

    return [settings.data_dir / name for name in (BRIDGE_STORE, RESPONDER_STORE)]


def confirm(question: str, *, yes: bool, json: bool) -> None:
    """Return if the user agrees or gave --yes. Raises ValueError where nothing can be asked, `typer.Abort`."""
    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ValueError(f"{question} Confirm with --yes: standard input is not a terminal.")
    typer.confirm(question, abort=True, err=True)
