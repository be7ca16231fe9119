"""How the environment spells the values of settings, and what each becomes. Pure."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_settings import NoDecode

from bridge.broker import BrokerAddress, parse_addresses
from bridge.contract.pace import Pace
from bridge.contract.proxy import Proxy
from bridge.contract.topics import check_session_name, is_level
from bridge.core.media_policy import DOWNLOADABLE

#: Secrets that stand in examples.
PLACEHOLDERS = frozenset({"changeme", "change-me", "change_me", "password", "secret", "example", "xxx", "<password>"})
_NOT_A_LEVEL = re.compile(r"[^A-Za-z0-9_-]+")
_RETENTION = re.compile(r"(\d{1,5})d\s*,\s*(\d{1,6})(MB|GB)")
_SIZE = re.compile(r"(\d{1,6})\s*(B|KB|MB|GB)?")
_LARGEST_INLINE = 500_000
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True)
class SessionSetting:
    """One configured session; `cliente_id` is the legacy number of the customer it belongs to."""

    name: str
    cliente_id: int

    def __str__(self) -> str:
        return f"{self.name}={self.cliente_id}"


@dataclass(frozen=True, slots=True)
class SessionProxies:
    """The proxies of sessions by name; `general` is that of the others."""

    general: Proxy | None = None
    named: tuple[tuple[str, Proxy], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `http://proxy:3128,haby=socks5://other:1080`. Raises ValueError, without the addresses."""
        general: Proxy | None = None
        named: dict[str, Proxy] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, equals, address = part.partition("=")
            if not equals or "/" in name:
                general = Proxy.parse(part)
            else:
                named[check_session_name(name.strip())] = Proxy.parse(address)
        return cls(general, tuple(named.items()))

    def of(self, session: str) -> Proxy | None:
        """The proxy of a session, if any."""
        return dict(self.named).get(session, self.general)

    def __str__(self) -> str:
        """As it is set, with masked passwords."""
        general = [] if self.general is None else [str(self.general)]
        return ",".join([*general, *(f"{name}={proxy}" for name, proxy in self.named)])


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: days, and bytes (of a journal's bodies, or of files)."""

    days: int
    size: int
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `30d,1GB`. Raises ValueError."""
        match = _RETENTION.fullmatch(text.strip())
        if match is None:
            raise ValueError("must be days and size, for example 30d,1GB")
        return cls(int(match[1]), int(match[2]) * (10**9 if match[3] == "GB" else 10**6), text.strip())

    def __str__(self) -> str:
        return self.text


def parsed(parse: Callable[[str], Any]) -> BeforeValidator:
    """Parse what is set as text; a program may also give the parsed value."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def default_instance() -> str:
    """The host name, as a level of a topic."""
    return _NOT_A_LEVEL.sub("-", socket.gethostname()).strip("-")[:64] or "bridge"


def parse_port(text: str) -> str | None:
    """Parse a port, or `off`."""
    return None if text.strip().lower() == "off" else text


def parse_sessions(text: str) -> tuple[SessionSetting, ...]:
    """Parse `haby=51,otra=52`. Raises ValueError."""
    sessions = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = part.partition("=")
        if not number.strip().isdigit():
            raise ValueError(f"{part!r} is not name=cliente_id, for example haby=51")
        sessions.append(SessionSetting(check_session_name(name.strip()), int(number)))
    if not sessions:
        raise ValueError("names no session; write for example haby=51")
    if len({session.name for session in sessions}) != len(sessions):
        raise ValueError("names a session twice")
    return tuple(sessions)


def parse_bridges(text: str) -> tuple[str, ...]:
    """Parse `north,south`, names of bridges. Raises ValueError."""
    names = [name for part in text.split(",") if (name := part.strip())]
    if len(set(names)) != len(names):
        raise ValueError("names a bridge twice")
    if wrong := [name for name in names if not is_level(name)]:
        raise ValueError(f"{wrong[0]!r} is no name of a bridge: use letters, digits, _ and - (64 at most)")
    return tuple(names)


def parse_brokers(text: str) -> tuple[BrokerAddress, ...]:
    """Parse a comma list of broker addresses. Raises ValueError."""
    addresses = parse_addresses(text)
    for address in addresses:
        if address.password and address.password.get_secret_value().lower() in PLACEHOLDERS:
            raise ValueError("contains a placeholder password; put in a real one")
    return addresses


def _parse_pace(value: Any, info: ValidationInfo) -> Any:
    """`pace_burst` stands before the paces, so that it is known here; 1 where it is wrong itself."""
    return Pace.parse(value, burst=info.data.get("pace_burst", 1)) if isinstance(value, str) else value


def parse_new_pace(text: str) -> Pace:
    """Parse the pace of first messages, which leave one at a time. Raises ValueError."""
    return Pace.parse(text, burst=1)


def parse_zone(text: str) -> ZoneInfo:
    """Parse the name of a time zone. Raises ValueError."""
    try:
        return ZoneInfo(text.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is not a time zone; write for example America/Argentina/Cordoba") from error


def parse_size(text: str) -> int:
    """Parse `64MB`; returns bytes. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a size, for example 64MB")
    return int(match[1]) * _UNITS[match[2] or "B"]


def parse_inline(text: str) -> int:
    """Parse the size of files that go over MQTT; returns bytes. Raises ValueError."""
    if (size := parse_size(text)) > _LARGEST_INLINE:
        raise ValueError("must be 500KB at most: brokers refuse larger messages")
    return size


def parse_public_url(url: str) -> str:
    """Check the address for other machines. Raises ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// or http://")
    return url.rstrip("/")


def parse_web_url(url: str) -> str:
    """Check the address of the page that the driver opens. Raises ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (or http:// for a local page)")
    return url


def parse_media_types(text: str) -> frozenset[str]:
    """Parse a comma list of kinds; none = all. Raises ValueError."""
    named = frozenset(filter(None, (part.strip() for part in text.split(","))))
    if unknown := named - set(DOWNLOADABLE):
        raise ValueError(f"has unknown types: {', '.join(sorted(unknown))}. They are: {', '.join(DOWNLOADABLE)}")
    return named or frozenset(DOWNLOADABLE)


#: A pace whose burst is that of the sends.
SendPace = Annotated[Pace, NoDecode, BeforeValidator(_parse_pace)]


def setting(variable: str, **rest: Any) -> Any:
    """The field of a setting that this environment variable sets; its default is checked like a given value."""
    return Field(validation_alias=variable, validate_default=True, **rest)
