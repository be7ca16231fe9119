"""What a session keeps on disk: its browser profile and who holds it, its store and whether it is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.drivers.web.processes import browser_of
from bridge.drivers.web.profile import LOCK
from bridge.ops.doctor.findings import Finding, fault, ok, warning
from bridge.ports import StoreUnusable
from bridge.store import StoreDamaged, kept_aside
from bridge.store.inspection import glance, holders


def profile(session: str, folder: Path) -> Finding:
    """Who uses the browser profile now."""
    check, path = f"profile {session}", folder / "profile"
    if not path.exists():
        return ok(check, "There is none yet: the session has never been started here.")
    holding = holders(path / LOCK)
    browser = browser_of(path.absolute())
    if holding:
        return ok(check, f"In use by {named(holding[0])}.")
    if browser is not None:
        return warning(
            check,
            f"A browser runs on it (pid {browser.pid}) and no bridge does: it was left over.",
            "Nothing: the next bridge that starts ends it.",
        )
    if holding is None:
        return warning(check, "This system does not tell who holds a lock.", "Make sure that one bridge runs, not two.")
    return ok(check, "Free.")


def store(session: str, folder: Path) -> Iterator[Finding]:
    """Whether the store is there, sound, and of a schema that this bridge knows."""
    check, path = f"store {session}", folder / "store.db"
    kept = kept_aside(path)
    if not path.exists():
        if kept:
            yield fault(
                check,
                f"It was damaged and is kept as {kept[-1].name}; the session does not start without it.",
                f"wa restore FILE for a backup, or wa store reset --session {session} to begin with an empty one.",
            )
        else:
            yield ok(check, "There is none yet.")
        return
    try:
        found = glance(path, thorough=True)
    except StoreDamaged as error:
        yield fault(check, error.text, f"Stop the bridge, then wa restore FILE, or wa store reset --session {session}.")
        return
    except StoreUnusable as error:
        yield fault(check, error.text, "Correct its owner and mode, or name another WA_DATA_DIR.")
        return
    if found.faults:
        yield fault(
            check,
            f"{path} is damaged: {'; '.join(found.faults)[:200]}.",
            f"Stop the bridge, then wa restore FILE, or wa store reset --session {session}.",
        )
        return
    if kept:
        yield warning(
            check,
            f"An earlier one was damaged and is kept as {kept[-1].name}.",
            f"wa store reset --session {session} --kept-only moves it away when you no longer need it.",
        )
    yield ok(
        check,
        f"Sound: {found.last_seq} messages journalled, {found.open_commands} commands open,"
        f" {found.size / 1e6:.1f} MB, epoch {found.epoch[:8]}.",
    )


def named(pid: int) -> str:
    """A process as a person knows it."""
    if not pid:
        return "a process of another container"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return f"pid {pid}"
    return f"pid {pid} ({' '.join(Path(word).name if '/' in word else word for word in words if word)[:60]})"
