"""Settings: every value that an operator can set, from the environment or `.env`, checked once at start.

The names are the contract's. A wrong value is a `StartError` that names the variable and what to write instead.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bridge.broker import BrokerAddress, parse_addresses
from bridge.contract.errors import StartError
from bridge.contract.pace import Pace
from bridge.contract.topics import Topics, check_prefix, check_session_name
from bridge.core.pacing import Pacing
from bridge.webhooks.callback_url import CallbackRules

_PLACEHOLDERS = frozenset({"changeme", "change-me", "change_me", "password", "secret", "example", "xxx", "<password>"})
_RETENTION = re.compile(r"(\d{1,5})d\s*,\s*(\d{1,6})(MB|GB)")
_NOT_A_LEVEL = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class SessionSetting:
    """One configured session; `cliente_id` is the legacy number of the customer it belongs to."""

    name: str
    cliente_id: int


def _parse_sessions(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    sessions = []
    for part in filter(None, (piece.strip() for piece in value.split(","))):
        name, _, number = part.partition("=")
        if not number.strip().isdigit():
            raise ValueError(f"{part!r} is not name=cliente_id, for example haby=51")
        sessions.append(SessionSetting(check_session_name(name.strip()), int(number)))
    if not sessions:
        raise ValueError("names no session; write for example haby=51")
    if len({session.name for session in sessions}) != len(sessions):
        raise ValueError("names a session twice")
    return tuple(sessions)


def _parse_port(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() == "off" else value


def _default_instance() -> str:
    return _NOT_A_LEVEL.sub("-", socket.gethostname()).strip("-")[:64] or "bridge"


def _name(variable: str, **rest: Any) -> Any:
    return Field(validation_alias=variable, **rest)


class BridgeSettings(BaseSettings):
    """The effective settings. Frozen; read with `load`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    mqtt_url: SecretStr | None = _name(
        "WA_MQTT_URL", default=None, description="mqtt[s]:// or ws[s]:// addresses, comma list; none: a private broker"
    )
    mqtt_prefix: str = _name("WA_MQTT_PREFIX", default="wa", description="first levels of every topic")
    mqtt_protocol: Literal["3.1.1", "5"] = _name("WA_MQTT_PROTOCOL", default="3.1.1", description="3.1.1 or 5")
    mqtt_ca_file: Path | None = _name(
        "WA_MQTT_CA_FILE", default=None, description="PEM file of the authorities to trust instead of the system's"
    )
    sessions: Annotated[tuple[SessionSetting, ...], NoDecode, BeforeValidator(_parse_sessions)] = _name(
        "WA_SESSIONS", default=(SessionSetting("haby", 51),), description="name=cliente_id, comma list"
    )
    data_dir: Path = _name("WA_DATA_DIR", default=Path("data"), description="profiles and stores; a local disk")
    web_url: str = _name("WA_WEB_URL", default="https://web.whatsapp.com/", description="the page the driver opens")
    browser: str | None = _name("WA_BROWSER", default=None, description="browser executable; none: found")
    browser_args: str = _name("WA_BROWSER_ARGS", default="", description="extra arguments, space separated")
    instance: str = _name("WA_INSTANCE", default_factory=_default_instance, description="this bridge's name")
    pace: str = _name("WA_PACE", default="20/minute", description="sends a session; off for tests")
    pace_burst: int = _name("WA_PACE_BURST", default=5, ge=1, le=1000, description="sends at once after a pause")
    pace_chat: str = _name("WA_PACE_CHAT", default="10/minute", description="sends to one chat")
    pace_spacing: float = _name("WA_PACE_SPACING", default=0.5, ge=0, le=60, description="seconds between two sends")
    pace_jitter: float = _name(
        "WA_PACE_JITTER", default=1.5, ge=0, le=60, description="up to so many seconds more for a send that had to wait"
    )
    retention: str = _name("WA_RETENTION", default="30d,1GB", description="journal: days and size kept")
    retention_commands: int = _name(
        "WA_RETENTION_COMMANDS", default=30, ge=1, le=3650, description="days that a command's id is remembered"
    )
    retention_keys: int = _name(
        "WA_RETENTION_KEYS",
        default=400,
        ge=30,
        le=3650,
        description="days that a message is known again; older ones are history",
    )
    retention_letters: int = _name(
        "WA_RETENTION_LETTERS", default=30, ge=1, le=3650, description="days that dead letters of webhooks are kept"
    )
    retention_audit: int = _name(
        "WA_RETENTION_AUDIT", default=365, ge=1, le=3650, description="days that the record of admins' actions is kept"
    )
    http_host: str = _name("WA_HTTP_HOST", default="127.0.0.1", description="where HTTP listens")
    http_port: Annotated[int | None, BeforeValidator(_parse_port)] = _name(
        "WA_HTTP_PORT", default=3011, ge=0, le=65535, description="0 takes a free one; off: no HTTP and no webhooks"
    )
    http_rate: str = _name(
        "WA_HTTP_RATE", default="6000/minute", description="requests of each key and each address; off: no limit"
    )
    api_key: SecretStr | None = _name(
        "WHATSAPP_API_KEY", default=None, description="the one key of the legacy document: it may do everything"
    )
    jwt_secret: SecretStr | None = _name(
        "WA_JWT_SECRET", default=None, description="HS256 secret of bearer tokens, 32 characters or more"
    )
    jwt_audience: str = _name("WA_JWT_AUDIENCE", default="whatsapp-mqtt-bridge", description="aud of bearer tokens")
    callback_hosts: str = _name(
        "WA_CALLBACK_HOSTS", default="loopback", description="names, addresses and networks webhooks may point at"
    )
    callback_timeout: float = _name(
        "WA_CALLBACK_TIMEOUT", default=5.0, gt=0, le=60, description="seconds that a webhook may take"
    )
    legacy_groups: bool = _name(
        "WA_LEGACY_GROUPS", default=False, description="group messages to listeners of the legacy path"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _name(
        "WA_LOG_LEVEL", default="INFO", description="DEBUG shows message bodies"
    )
    log_format: Literal["text", "json"] = _name("WA_LOG_FORMAT", default="text", description="json for machines")

    @field_validator("mqtt_prefix")
    @classmethod
    def _check_prefix(cls, prefix: str) -> str:
        return check_prefix(prefix)

    @field_validator("instance")
    @classmethod
    def _check_instance(cls, instance: str) -> str:
        return check_session_name(instance) if instance != "bridge" else instance

    @field_validator("mqtt_url")
    @classmethod
    def _check_url(cls, url: SecretStr | None) -> SecretStr | None:
        for address in parse_addresses(url.get_secret_value()) if url else ():
            if address.password and address.password.get_secret_value().lower() in _PLACEHOLDERS:
                raise ValueError("holds a placeholder password; put in a real one")
        return url

    @field_validator("api_key", "jwt_secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None:
            return None
        text, shortest = secret.get_secret_value(), 32 if info.field_name == "jwt_secret" else 8
        if text.lower() in _PLACEHOLDERS:
            raise ValueError("is a placeholder; put in a real one")
        if len(text) < shortest:
            raise ValueError(f"is too short to be a secret: {shortest} characters or more")
        return secret

    @field_validator("callback_hosts")
    @classmethod
    def _check_callback_hosts(cls, hosts: str) -> str:
        CallbackRules.parse(hosts)
        return hosts

    @field_validator("http_rate")
    @classmethod
    def _check_http_rate(cls, rate: str) -> str:
        Pace.parse(rate, burst=1)
        return rate

    @field_validator("web_url")
    @classmethod
    def _check_web_url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// (or http:// for a local page)")
        return url

    @field_validator("pace", "pace_chat")
    @classmethod
    def _check_pace(cls, pace: str) -> str:
        Pace.parse(pace, burst=1)
        return pace

    @field_validator("retention")
    @classmethod
    def _check_retention(cls, retention: str) -> str:
        if not _RETENTION.fullmatch(retention.strip()):
            raise ValueError("must be days and size, for example 30d,1GB")
        return retention

    @property
    def retention_limits(self) -> tuple[int, int]:
        """Days and bytes that the journal keeps."""
        match = _RETENTION.fullmatch(self.retention.strip())
        assert match is not None  # noqa: S101 - validated
        return int(match[1]), int(match[2]) * (10**9 if match[3] == "GB" else 10**6)

    @property
    def topics(self) -> Topics:
        """Topics under the configured prefix."""
        return Topics(self.mqtt_prefix)

    @property
    def addresses(self) -> tuple[BrokerAddress, ...]:
        """The configured brokers; empty when a private one is to be used."""
        return parse_addresses(self.mqtt_url.get_secret_value()) if self.mqtt_url else ()

    @property
    def pacing(self) -> Pacing:
        """The paces of each session; `WA_PACE=off` switches all of them off."""
        session = Pace.parse(self.pace, burst=self.pace_burst)
        if session.is_off:
            return Pacing(session, session)
        return Pacing(session, Pace.parse(self.pace_chat, burst=self.pace_burst), self.pace_spacing, self.pace_jitter)

    @property
    def http_allowance(self) -> Pace:
        """Requests of one key and one address."""
        return Pace.of_requests(self.http_rate)

    def session_dir(self, name: str) -> Path:
        """Where a session keeps its profile and store."""
        return self.data_dir / "sessions" / name


def load(**overrides: Any) -> BridgeSettings:
    """Read the settings. Raises `StartError` with one line for each wrong variable."""
    try:
        return BridgeSettings(**overrides)
    except ValidationError as error:
        variables = {name: str(field.validation_alias) for name, field in BridgeSettings.model_fields.items()}
        faults = [
            f"{variables.get(str(fault['loc'][0]), fault['loc'][0])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise StartError("Wrong settings. " + "; ".join(faults)) from error
