"""Which sessions a bridge runs: those of the settings, changed by what was added and removed at run time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.contract.errors import Conflict, InvalidRequest, NoSuchSession
from bridge.ports.sessions import StoredSession
from bridge.setting_types import SessionSetting


def effective_sessions(configured: Iterable[SessionSetting], stored: Iterable[StoredSession]) -> list[SessionSetting]:
    """The sessions to run, in order: WA_SESSIONS without the removed ones, then those that were added.

    WA_SESSIONS decides over the `cliente_id` of a session that it names. Where nothing would be left, it is as if
    nothing had been removed: a bridge has a session.
    """
    configured, stored = list(configured), list(stored)
    removed = {one.name for one in stored if one.cliente_id is None}
    named = {setting.name for setting in configured}
    added = [
        SessionSetting(one.name, one.cliente_id)
        for one in stored
        if one.cliente_id is not None and one.name not in named
    ]
    return [*(setting for setting in configured if setting.name not in removed), *added] or configured


def check_added(running: Sequence[SessionSetting], new: SessionSetting) -> bool:
    """Whether `new` is to be started; False where it runs already. Raises `Conflict` for another `cliente_id`."""
    for setting in running:
        if setting.name == new.name:
            if setting.cliente_id != new.cliente_id:
                raise Conflict(f"The session {setting} exists; remove it first.")
            return False
    return True


def check_removed(running: Sequence[SessionSetting], name: str) -> None:
    """Raises `NoSuchSession`, and `InvalidRequest` for the only session: paths without a name use the first one."""
    if name not in {setting.name for setting in running}:
        raise NoSuchSession(f"There is no session {name}: this bridge runs {', '.join(s.name for s in running)}.")
    if len(running) == 1:
        raise InvalidRequest(f"{name} is the only session of this bridge. Add another one first.")
