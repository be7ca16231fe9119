"""The broker's configuration directory: five files, written whole or not at all, readable by whom they are for.

`wa.users.json` is the truth about users; ACL and configuration are written from it and never read back. Passwords
exist as hashes only.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.contract.errors import CodedError, InvalidRequest
from bridge.contract.topics import Topics, check_prefix
from bridge.ops.mosquitto.acl import acl_text, users_named
from bridge.ops.mosquitto.configuration import Listening, Tls, configuration_text
from bridge.ops.mosquitto.roles import Role, User
from bridge.ops.private_broker.passwords import password_line

SHIPPED = Path(__file__).with_name("mosquitto.conf")
_VERSION = 1


class NotSetUp(CodedError):
    """The directory holds no broker of ours, or one that this version cannot read."""

    code = "not_set_up"


@dataclass(frozen=True, slots=True)
class Setup:
    prefix: str = "wa"
    listening: Listening = field(default_factory=Listening)
    users: Mapping[str, User] = field(default_factory=dict)

    @property
    def topics(self) -> Topics:
        """Under the prefix that this broker's rules are for."""
        return Topics(self.prefix)


class BrokerDirectory:
    """The files in `path`, which is /etc/mosquitto on Debian. Raises OSError where they cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.configuration = self.path / "mosquitto.conf"
        self.acl = self.path / "wa.acl"
        self.passwords = self.path / "wa.passwords"
        self.users = self.path / "wa.users.json"

    def load(self) -> Setup:
        """What was set up here. Raises NotSetUp."""
        try:
            kept = json.loads(self.users.read_text(encoding="utf-8"))
            return _setup_of(kept)
        except FileNotFoundError:
            raise NotSetUp(f"No broker was set up in {self.path}: `wa broker init` does that.") from None
        except (ValueError, TypeError, KeyError, InvalidRequest) as error:
            raise NotSetUp(
                f"{self.users} cannot be read ({error}): restore it, or remove it and set up anew."
            ) from error

    def set_up(self, prefix: str, listening: Listening) -> Setup:
        """Write configuration and ACL; users of an earlier set-up stay. A mosquitto.conf that is not ours is kept."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self._alone():
            return self._set_up(prefix, listening)

    def _set_up(self, prefix: str, listening: Listening) -> Setup:
        fresh = not self.users.exists()
        setup = replace(Setup() if fresh else self.load(), prefix=check_prefix(prefix), listening=listening)
        if fresh and self.configuration.exists():
            self.configuration.replace(self.configuration.with_name("mosquitto.conf.before-wa"))
        text = configuration_text(SHIPPED.read_text(encoding="utf-8"), self.path, listening)
        _write(self.configuration, text, 0o644, None)
        if fresh:
            self._write_passwords({}, listening)
        self._write_rules(setup)
        return setup

    def put_user(self, user: User, password: str | None) -> None:
        """Add a user or change its roles; with None the password of an existing one stays."""
        with self._alone():
            setup = self.load()
            lines = self._password_lines()
            if password is not None:
                lines[user.name] = password_line(user.name, password)
            elif user.name not in lines:
                raise ValueError(f"{user.name} is new and needs a password")
            self._write_passwords(lines, setup.listening)
            self._write_rules(replace(setup, users={**setup.users, user.name: user}))

    def remove_user(self, name: str) -> None:
        """Forget a user. Raises InvalidRequest for one that does not exist."""
        with self._alone():
            setup = self.load()
            if name not in setup.users:
                known = ", ".join(sorted(setup.users)) or "none"
                raise InvalidRequest(f"There is no user {name!r} here. Users: {known}.")
            # the password first: a user without one cannot connect, whatever the rules still say
            self._write_passwords({k: v for k, v in self._password_lines().items() if k != name}, setup.listening)
            self._write_rules(replace(setup, users={k: v for k, v in setup.users.items() if k != name}))

    def faults(self) -> list[str]:
        """What is wrong with the files, one sentence each: rights, hand edits, users that the files disagree on."""
        setup = self.load()
        found = [
            f"{file} can be read or written by others than its owner: chmod 600 {file}"
            for file in (self.acl, self.passwords)
            if stat.S_IMODE(file.stat().st_mode) & 0o077
        ]
        if self.acl.read_text(encoding="utf-8") != acl_text(setup.users.values(), setup.topics):
            found.append(f"{self.acl} is not what the list of users says; the next change of a user rewrites it")
        expected = configuration_text(SHIPPED.read_text(encoding="utf-8"), self.path, setup.listening)
        if self.configuration.read_text(encoding="utf-8") != expected:
            found.append(
                f"{self.configuration} was changed by hand, or is of another version; `wa broker init` rewrites it"
            )
        for file, named in ((self.acl, self._users_of_acl()), (self.passwords, set(self._password_lines()))):
            found += [f"{file} does not name {name}" for name in sorted(set(setup.users) - named)]
            found += [f"{file} names {name}, who is no user here" for name in sorted(named - set(setup.users))]
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time: two that read the same list would each lose the other's user."""
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            raise NotSetUp(f"No broker was set up in {self.path}: `wa broker init` does that.") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _users_of_acl(self) -> set[str]:
        return users_named(self.acl.read_text(encoding="utf-8"))

    def _password_lines(self) -> dict[str, str]:
        lines = self.passwords.read_text(encoding="utf-8").splitlines(keepends=True)
        return {line.partition(":")[0]: line for line in lines if ":" in line}

    def _write_passwords(self, lines: Mapping[str, str], listening: Listening) -> None:
        _write(self.passwords, "".join(lines[name] for name in sorted(lines)), 0o600, _owner(listening))

    def _write_rules(self, setup: Setup) -> None:
        _write(self.acl, acl_text(setup.users.values(), setup.topics), 0o600, _owner(setup.listening))
        _write(self.users, json.dumps(_kept(setup), indent=2) + "\n", 0o644, None)


def _owner(listening: Listening) -> pwd.struct_passwd | None:
    """Whom mosquitto runs as when root starts it: newer versions refuse files that are not its own."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(listening.run_as or "mosquitto")
    except KeyError:
        return None


def _write(path: Path, text: str, mode: int, owner: pwd.struct_passwd | None) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if owner is not None:
                os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _kept(setup: Setup) -> dict[str, Any]:
    users = {name: {"roles": sorted(user.roles), "session": user.session} for name, user in sorted(setup.users.items())}
    listening = json.loads(json.dumps(asdict(setup.listening), default=str))
    return {"v": _VERSION, "prefix": setup.prefix, "listening": listening, "users": users}


def _setup_of(kept: dict[str, Any]) -> Setup:
    if kept["v"] != _VERSION:
        raise ValueError(f"version {kept['v']}, this program knows {_VERSION}")
    where = dict(kept["listening"])
    tls = where.pop("tls")
    listening = Listening(
        **{**where, "state": Path(where["state"]), "pid_file": Path(where["pid_file"])},
        tls=Tls(Path(tls["certificate"]), Path(tls["key"]), int(tls["port"])) if tls else None,
    )
    users = {
        name: User(name, frozenset(Role(role) for role in user["roles"]), user["session"])
        for name, user in kept["users"].items()
    }
    return Setup(check_prefix(kept["prefix"]), listening, users)
