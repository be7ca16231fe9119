"""How the environment spells the values of settings, and what each becomes. Pure."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, InstanceOf
from pydantic_settings import NoDecode

from bridge.asgi.proxies import Proxies
from bridge.contract.errors import CodedError
from bridge.contract.jid import parse_recipient
from bridge.contract.pace import Pace
from bridge.contract.text_normalize import plain
from bridge.contract.topics import check_session_name
from responder.hours import Hours

_ON, _OFF = frozenset({"true", "1", "on", "si", "sí", "yes"}), frozenset({"false", "0", "off", "no"})


def _switch(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.strip().casefold()
    if word in _ON or word in _OFF:
        return word in _ON
    raise ValueError("must be true, 1, on, si, yes or false, 0, off, no")


def _people(value: Any) -> Any:
    """A comma list of numbers in any spelling, or of addresses of people, in the form in which they are compared."""
    if not isinstance(value, str):
        return value
    try:
        people = [parse_recipient(part) for part in value.split(",") if part.strip()]
    except CodedError as error:
        raise ValueError(error.text) from error
    if groups := [str(one) for one in people if one.is_group]:
        raise ValueError(f"{groups[0]} is a group, which no person is")
    return frozenset(str(one.canonical) for one in people)


def _session_names(value: Any) -> Any:
    """`WA_SESSIONS` in the bridge's form. The client after `=` is ignored: each message carries its own."""
    if not isinstance(value, str):
        return value
    names = tuple(part.partition("=")[0].strip() for part in value.split(",") if part.strip())
    if not names:
        raise ValueError("contains no session; write for example haby=51")
    return tuple(check_session_name(name) for name in names)


def _variables(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(";") if part.strip()]
    if any(not equals or not name.strip().isidentifier() for name, equals, _ in pairs):
        raise ValueError("must be name=text, separated by ; for example negocio=Panadería Sol;zona=Palermo")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _texts(value: Any) -> Any:
    """Texts as they are compared, separated by |."""
    if not isinstance(value, str):
        return value
    texts = [part for part in value.split("|") if part.strip()]
    if not all(map(plain, texts)):
        raise ValueError("holds a text without letters or digits")
    return frozenset(map(plain, texts))


def _proxies(value: Any) -> Any:
    return Proxies.parse(value) if isinstance(value, str) else value


def _rate(value: Any) -> Any:
    return Pace.of_requests(value) if isinstance(value, str) else value


def _hours(value: Any) -> Any:
    return Hours.parse(value) if isinstance(value, str) else value


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is not a time zone; write for example America/Argentina/Cordoba") from error


def _url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


SwitchSetting = Annotated[bool, BeforeValidator(_switch)]
PeopleSetting = Annotated[frozenset[str], NoDecode, BeforeValidator(_people)]
TextsSetting = Annotated[frozenset[str], NoDecode, BeforeValidator(_texts)]
ProxiesSetting = Annotated[InstanceOf[Proxies], NoDecode, BeforeValidator(_proxies)]
RateSetting = Annotated[InstanceOf[Pace], NoDecode, BeforeValidator(_rate)]
HoursSetting = Annotated[InstanceOf[Hours], NoDecode, BeforeValidator(_hours)]
ZoneSetting = Annotated[InstanceOf[ZoneInfo], NoDecode, BeforeValidator(_zone)]
UrlSetting = Annotated[str, BeforeValidator(_url)]
SessionsSetting = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_session_names)]
VariablesSetting = Annotated[dict[str, str], NoDecode, BeforeValidator(_variables)]
