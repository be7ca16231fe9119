"""The broker's configuration directory: five files, written atomically, with restricted modes.

That of a private broker has an owner, the bridge, and a configuration of its own.

`wa.users.json` is the source of truth; ACL and configuration are generated from it and never read back. Passwords exist
as hashes only.
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
from bridge.ops.mosquitto.acl import acl_text, user_names
from bridge.ops.mosquitto.configuration import Listeners, Tls, configuration_text
from bridge.ops.mosquitto.roles import Role, User
from bridge.ops.private_broker.passwords import CHOSEN, GENERATED, password_line

SHIPPED = Path(__file__).with_name("mosquitto.conf")
_VERSION = 1


class NotSetUp(CodedError):
    """The directory has no setup by `wa broker`, or one that this version cannot read."""

    code = "not_set_up"


@dataclass(frozen=True, slots=True)
class BrokerSetup:
    """`owner`: the user of a private broker that may do everything; it is none of `users`."""

    prefix: str = "wa"
    listeners: Listeners = field(default_factory=Listeners)
    users: Mapping[str, User] = field(default_factory=dict)
    owner: str | None = None

    @property
    def topics(self) -> Topics:
        return Topics(self.prefix)


class BrokerDirectory:
    """The files in `path` (/etc/mosquitto on Debian). Raises OSError if they cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.configuration = self.path / "mosquitto.conf"
        self.acl = self.path / "wa.acl"
        self.passwords = self.path / "wa.passwords"
        self.users = self.path / "wa.users.json"

    def load(self) -> BrokerSetup:
        """Read the setup. Raises NotSetUp."""
        try:
            fields = json.loads(self.users.read_text(encoding="utf-8"))
            return _setup_from_json(fields)
        except FileNotFoundError:
            raise NotSetUp(f"No broker is set up in {self.path}: run `wa broker init`.") from None
        except (ValueError, TypeError, KeyError, InvalidRequest) as error:
            raise NotSetUp(
                f"{self.users} cannot be read ({error}): restore it, or delete it and run `wa broker init` again."
            ) from error

    def set_up(self, prefix: str, listeners: Listeners) -> BrokerSetup:
        """Write configuration and ACL; existing users stay. Keeps a foreign mosquitto.conf as *.before-wa.

        Raises InvalidRequest for the directory of a private broker.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if self.users.exists() and self.load().owner:
                raise InvalidRequest(f"{self.path} is that of a private broker, which `wa up` sets up.")
            return self._set_up(prefix, listeners)

    def _set_up(self, prefix: str, listeners: Listeners) -> BrokerSetup:
        is_new = not self.users.exists()
        setup = replace(BrokerSetup() if is_new else self.load(), prefix=check_prefix(prefix), listeners=listeners)
        if is_new and self.configuration.exists():
            self.configuration.replace(self.configuration.with_name("mosquitto.conf.before-wa"))
        text = configuration_text(SHIPPED.read_text(encoding="utf-8"), self.path, listeners)
        _write(self.configuration, text, 0o644, None)
        if is_new:
            self._write_passwords({}, listeners)
        self._write_rules(setup)
        return setup

    def adopt(self, prefix: str, listeners: Listeners, owner: str, password: str) -> None:
        """Write the rules of a private broker, whose users stay; its configuration is its own. Raises NotSetUp."""
        with self._locked():
            before = self.load() if self.users.exists() else BrokerSetup()
            lines = self._password_lines() if self.passwords.exists() else {}
            kept = {name: line for name, line in lines.items() if name in before.users}
            self._write_passwords(kept | {owner: password_line(owner, password)}, listeners)
            self._write_rules(replace(before, prefix=check_prefix(prefix), listeners=listeners, owner=owner))

    def put_user(self, user: User, password: str | None, *, chosen: bool = False) -> None:
        """Add a user or change its roles; `password` None keeps the current password. `chosen`: it is not random."""
        with self._locked():
            setup = self.load()
            if user.name == setup.owner:
                raise InvalidRequest(f"{user.name} is the broker's own user: choose another name.")
            lines = self._password_lines()
            if password is not None:
                lines[user.name] = password_line(user.name, password, CHOSEN if chosen else GENERATED)
            elif user.name not in lines:
                raise ValueError(f"{user.name} is new and needs a password")
            self._write_passwords(lines, setup.listeners)
            self._write_rules(replace(setup, users={**setup.users, user.name: user}))

    def remove_user(self, name: str) -> None:
        """Remove a user. Raises InvalidRequest if it does not exist."""
        with self._locked():
            setup = self.load()
            if name not in setup.users:
                known = ", ".join(sorted(setup.users)) or "none"
                raise InvalidRequest(f"There is no user {name!r}. Users: {known}.")
            # the password first: without one the user cannot connect, even while the ACL still names it
            self._write_passwords({k: v for k, v in self._password_lines().items() if k != name}, setup.listeners)
            self._write_rules(replace(setup, users={k: v for k, v in setup.users.items() if k != name}))

    def faults(self) -> list[str]:
        """Faults of the files, one sentence each: file modes, manual edits, users missing in one of the files."""
        setup = self.load()
        known = {*setup.users, *([setup.owner] if setup.owner else [])}
        faults = [
            f"{file} is accessible to other users than its owner: chmod 600 {file}"
            for file in (self.acl, self.passwords)
            if stat.S_IMODE(file.stat().st_mode) & 0o077
        ]
        if self.acl.read_text(encoding="utf-8") != acl_text(setup.users.values(), setup.topics, setup.owner):
            faults.append(f"{self.acl} does not match the list of users; the next change of a user rewrites it")
        expected = configuration_text(SHIPPED.read_text(encoding="utf-8"), self.path, setup.listeners)
        if setup.owner is None and self.configuration.read_text(encoding="utf-8") != expected:
            faults.append(f"{self.configuration} was edited, or is from another version; `wa broker init` rewrites it")
        for file, names in ((self.acl, self._users_of_acl()), (self.passwords, set(self._password_lines()))):
            faults += [f"{file} does not contain {name}" for name in sorted(known - names)]
            faults += [f"{file} contains {name}, which is not a user" for name in sorted(names - known)]
        return faults

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Serialise changes: two that read the same list would each lose the other's user."""
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            raise NotSetUp(f"No broker is set up in {self.path}: run `wa broker init`.") from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _users_of_acl(self) -> set[str]:
        return user_names(self.acl.read_text(encoding="utf-8"))

    def _password_lines(self) -> dict[str, str]:
        lines = self.passwords.read_text(encoding="utf-8").splitlines(keepends=True)
        return {line.partition(":")[0]: line for line in lines if ":" in line}

    def _write_passwords(self, lines: Mapping[str, str], listeners: Listeners) -> None:
        _write(self.passwords, "".join(lines[name] for name in sorted(lines)), 0o600, _owner(listeners))

    def _write_rules(self, setup: BrokerSetup) -> None:
        _write(self.acl, acl_text(setup.users.values(), setup.topics, setup.owner), 0o600, _owner(setup.listeners))
        _write(self.users, json.dumps(_to_json(setup), indent=2) + "\n", 0o600 if setup.owner else 0o644, None)


def _owner(listeners: Listeners) -> pwd.struct_passwd | None:
    """The user that mosquitto runs as when root starts it: newer versions refuse files of other owners."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(listeners.run_as or "mosquitto")
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


def _to_json(setup: BrokerSetup) -> dict[str, Any]:
    users = {name: {"roles": sorted(user.roles), "session": user.session} for name, user in sorted(setup.users.items())}
    listeners = json.loads(json.dumps(asdict(setup.listeners), default=str))
    owner = {"owner": setup.owner} if setup.owner else {}
    return {"v": _VERSION, "prefix": setup.prefix, "listening": listeners, **owner, "users": users}


def _setup_from_json(fields: dict[str, Any]) -> BrokerSetup:
    if fields["v"] != _VERSION:
        raise ValueError(f"version {fields['v']}, this program supports {_VERSION}")
    kept = dict(fields["listening"])
    tls = kept.pop("tls")
    listeners = Listeners(
        **{**kept, "state": Path(kept["state"]), "pid_file": Path(kept["pid_file"])},
        tls=Tls(Path(tls["certificate"]), Path(tls["key"]), int(tls["port"])) if tls else None,
    )
    users = {
        name: User(name, frozenset(Role(role) for role in user["roles"]), user["session"])
        for name, user in fields["users"].items()
    }
    return BrokerSetup(check_prefix(fields["prefix"]), listeners, users, fields.get("owner"))
