"""What commands on the bridge's own files share: which files they work on, and the confirmation."""

from __future__ import annotations

import fcntl
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import BridgeSettings


#: The responder's SQLite file in WA_DATA_DIR, used unless it has another database.
RESPONDER_STORE = "responder.db"
#: The same of the campaigns service.
CAMPAIGNS_STORE = "campaigns.db"
#: The folder in WA_DATA_DIR with the data of `wa up --sandbox`.
SANDBOX = "sandbox"
#: The file in a data directory that its bridge locks.
LOCK = "bridge.lock"


def load_running() -> BridgeSettings:
    """The settings as the bridge of this machine runs with them: with the sandbox's data and broker where only
    `wa up --sandbox` runs here, and with what was changed of its sessions at run time. Raises StartError."""
    from bridge.settings import load

    return as_run(_of_running(load()))


def as_run(settings: BridgeSettings) -> BridgeSettings:
    """The settings with the sessions and proxies that were added, removed and set at run time, as far as the data
    directory has them: on another machine those of the settings remain."""
    from bridge.core.effective_options import EffectiveOptions
    from bridge.ops.session_list import effective_sessions
    from bridge.ports.sessions import StoredOptions
    from bridge.setting_types import SessionProxies
    from bridge.store import BRIDGE_STORE
    from bridge.store.sessions import read_sessions

    stored, options = read_sessions(settings.data_dir / BRIDGE_STORE)
    sessions = tuple(effective_sessions(settings.sessions, stored))
    proxies = SessionProxies(
        None,
        tuple(
            (session.name, proxy)
            for session in sessions
            if (proxy := EffectiveOptions.of(settings, session.name, options.get(session.name, StoredOptions())).proxy)
        ),
    )
    return settings.model_copy(update={"sessions": sessions, "proxy": proxies})


def _of_running(settings: BridgeSettings) -> BridgeSettings:
    """The settings, with the sandbox's data and broker where only `wa up --sandbox` runs here."""
    from bridge.cli.http_file import read_web_url

    folder = settings.data_dir / SANDBOX
    if is_in_use(settings.data_dir) or not is_in_use(folder):
        return settings
    typer.echo(f"Working on the sandbox that runs here ({folder}/).", err=True)
    web_url = read_web_url(folder) or settings.web_url
    return settings.model_copy(update={"data_dir": folder, "addresses": (), "web_url": web_url})


def is_in_use(data_dir: Path) -> bool:
    """Whether a bridge runs on this data directory."""
    try:
        with (data_dir / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def configured_session(settings: BridgeSettings, session: str | None) -> str:
    """The session's name, by default the first. Raises `NoSuchSession`, since the name becomes part of a path.

    One that was removed while the bridge ran has a folder.
    """
    from bridge.contract.errors import NoSuchSession
    from bridge.contract.topics import is_level

    known = [setting.name for setting in settings.sessions]
    if session is None:
        return known[0]
    if session not in known and not (is_level(session) and settings.session_dir(session).is_dir()):
        raise NoSuchSession(
            f"There is no session {session!r}: the sessions are {', '.join(known)}. Choose one with --session."
        )
    return session


def stored_sessions(settings: BridgeSettings) -> list[str]:
    """The sessions, and those that were removed and whose folder is still there."""
    folders = settings.data_dir / "sessions"
    left = [path.name for path in sorted(folders.iterdir()) if path.is_dir()] if folders.is_dir() else []
    return list(dict.fromkeys([*settings.session_names, *left]))


def shared_databases(settings: BridgeSettings) -> list[Path]:
    """The databases that belong to no session: the bridge's own store, the services' SQLite files."""
    from bridge.store import BRIDGE_STORE

    return [settings.data_dir / name for name in (BRIDGE_STORE, RESPONDER_STORE, CAMPAIGNS_STORE)]


def confirm(question: str, *, yes: bool, json: bool) -> None:
    """Return if the user agrees or gave --yes. Raises ValueError where nothing can be asked, `typer.Abort`."""
    if yes:
        return
    if json or not sys.stdin.isatty():
        raise ValueError(f"{question} Confirm with --yes: standard input is not a terminal.")
    typer.confirm(question, abort=True, err=True)
