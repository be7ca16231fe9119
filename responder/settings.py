"""The responder's settings, under the names of the legacy installation, checked once at start.

Those of the broker are not here: whoever composes the process knows how to reach it.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL

from bridge.contract.errors import CodedError
from bridge.contract.jid import parse_recipient
from bridge.contract.pace import Pace
from bridge.contract.topics import check_session_name
from responder.errors import WrongSettings
from responder.hours import Hours
from responder.model import ModelOptions
from responder.policy import Groups, Policy
from responder.prompt import DEFAULT_PROMPT, unknown_variables

_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "change_me", "password", "secret", "example", "xxx", "sk-...", "your-api-key", "tu_clave"}
)
_ON, _OFF = frozenset({"true", "1", "on", "si", "sí", "yes"}), frozenset({"false", "0", "off", "no"})
_KEY = re.compile(r"[\x21-\x7e]+")


def _switch(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.strip().casefold()
    if word in _ON or word in _OFF:
        return word in _ON
    raise ValueError("must be true, 1, on, si, yes or false, 0, off, no")


def _people(value: Any) -> Any:
    """A comma list of numbers in any spelling, or addresses: in the one form that is compared."""
    if not isinstance(value, str):
        return value
    try:
        return frozenset(str(parse_recipient(part)) for part in value.split(",") if part.strip())
    except CodedError as error:
        raise ValueError(error.text) from error


def _session_names(value: Any) -> Any:
    """`WA_SESSIONS` as the bridge has it; the numbers behind the names travel in each message."""
    if not isinstance(value, str):
        return value
    names = tuple(part.partition("=")[0].strip() for part in value.split(",") if part.strip())
    if not names:
        raise ValueError("names no session; write for example haby=51")
    return tuple(check_session_name(name) for name in names)


def _variables(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(";") if part.strip()]
    if any(not mark or not name.strip().isidentifier() for name, mark, _ in pairs):
        raise ValueError("must be name=text, several with ; between, for example negocio=Panadería Sol;zona=Palermo")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _name(variable: str, **rest: Any) -> Any:
    return Field(validation_alias=variable, **rest)


_Switch = Annotated[bool, BeforeValidator(_switch)]
_People = Annotated[frozenset[str], NoDecode, BeforeValidator(_people)]


class ResponderSettings(BaseSettings):
    """The effective settings. Frozen; read with `load`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    host: str = _name("RESPONDER_HOST", default="127.0.0.1", description="address of the HTTP surface")
    port: int = _name("PORT", default=3013, ge=0, le=65535, description="its port; 0 takes a free one")
    api_key: SecretStr | None = _name("WHATSAPP_API_KEY", default=None, description="asked for as x-api-key")
    jwt_secret: SecretStr | None = _name("WA_JWT_SECRET", default=None, description="HS256 secret of bearer tokens")
    jwt_audience: str = _name("WA_JWT_AUDIENCE", default="whatsapp-mqtt-bridge", description="aud of bearer tokens")
    http_rate: str = _name(
        "WA_HTTP_RATE", default="6000/minute", description="requests of each key and each address; off: no limit"
    )
    sessions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_session_names)] = _name(
        "WA_SESSIONS", default=("haby",), description="sessions that are answered; name=cliente_id, comma list"
    )
    cliente_id: int = _name("CLIENTE_ID", default=51, description="the client, where a message does not name one")
    data_dir: Path = _name("WA_DATA_DIR", default=Path("data"), description="holds responder.db without a database")

    db_host: str | None = _name("DB_HOST", default=None, description="MySQL or MariaDB; none: SQLite")
    db_port: int = _name("DB_PORT", default=3306, ge=1, le=65535, description="its port")
    db_user: str = _name("DB_USER", default="root", description="its user")
    db_password: SecretStr = _name("DB_PASSWORD", default=SecretStr(""), description="the user's password")
    db_database: str | None = _name("DB_DATABASE", default=None, description="the legacy installation's database")

    active: _Switch = _name("RESPONDER_ACTIVO", default=True, description="whether anything is answered")
    max_age: float = _name("RESPONDER_MAX_AGE", default=900, ge=1, description="seconds; older ones are not answered")
    admins: _People = _name("ADMIN_NUMBERS", default=frozenset(), description="who may command it, comma list")
    blocked: _People = _name("RESPONDER_BLOCKED", default=frozenset(), description="never answered, comma list")
    own: _People = _name(
        "RESPONDER_OWN", default=frozenset(), description="further numbers and LIDs by which we are mentioned"
    )
    groups: Groups = _name("RESPONDER_GROUPS", default=Groups.NEVER, description="never or mentioned")
    captions: _Switch = _name("RESPONDER_CAPTIONS", default=False, description="whether captions are answered")
    hours: str = _name("RESPONDER_HOURS", default="", description="lun-vie 09:00-18:00; sab 09:00-13:00; none: always")
    zone: str = _name("RESPONDER_TZ", default="America/Argentina/Buenos_Aires", description="zone of hours and prompt")
    gather: float = _name(
        "RESPONDER_GATHER", default=2.0, ge=0, le=60, description="seconds of silence before messages are answered"
    )
    pause: float = _name("RESPONDER_PAUSE", default=1800, ge=0, description="seconds of silence after a human wrote")
    duplicate_window: float = _name(
        "RESPONDER_DUPLICATE_WINDOW", default=120, ge=0, description="seconds in which the same text is not answered"
    )
    chat_budget: int = _name("RESPONDER_CHAT_BUDGET", default=20, ge=0, description="answers an hour to one chat")
    total_budget: int = _name("RESPONDER_TOTAL_BUDGET", default=1000, ge=0, description="answers an hour in all")
    retention: int = _name(
        "RESPONDER_RETENTION",
        default=30,
        ge=1,
        le=3650,
        description="days that it remembers what it did with a message",
    )
    retention_conversations: int = _name(
        "RESPONDER_RETENTION_CONVERSATIONS", default=0, ge=0, le=36500, description="days of conversations; 0: for ever"
    )
    rules_file: Path | None = _name("RESPONDER_RULES", default=None, description="rules; none: the shipped ones")

    openai_api_key: SecretStr | None = _name("OPENAI_API_KEY", default=None, description="none: rules only")
    openai_base_url: str | None = _name("OPENAI_BASE_URL", default=None, description="another server that speaks it")
    openai_model: str = _name("OPENAI_MODEL", default="gpt-4o-mini", description="the model")
    temperature: float = _name("OPENAI_TEMPERATURE", default=0.7, ge=0, le=2, description="as the legacy had it")
    max_tokens: int = _name("OPENAI_MAX_TOKENS", default=500, ge=1, description="tokens of an answer")
    model_timeout: float = _name("OPENAI_TIMEOUT", default=30, gt=0, le=300, description="seconds for one try")
    model_retries: int = _name("OPENAI_RETRIES", default=2, ge=0, le=5, description="further tries")
    model_concurrency: int = _name("OPENAI_CONCURRENCY", default=4, ge=1, le=64, description="questions at once")
    price_in: float = _name("OPENAI_PRICE_IN", default=0, ge=0, description="cost of a million tokens asked")
    price_out: float = _name("OPENAI_PRICE_OUT", default=0, ge=0, description="cost of a million tokens answered")
    prompt_file: Path | None = _name("RESPONDER_PROMPT", default=None, description="system text; none: the shipped one")
    prompt_vars: Annotated[dict[str, str], NoDecode, BeforeValidator(_variables)] = _name(
        "RESPONDER_PROMPT_VARS", default={}, description="name=text; name=text, for {{name}} in the system text"
    )

    sender_url: str | None = _name("MASSIVE_SENDER_URL", default=None, description="legacy sender: webhook mode")
    callback_url: str | None = _name("RESPONDER_CALLBACK_URL", default=None, description="where it finds us")

    @field_validator("api_key", "jwt_secret", "db_password", "openai_api_key")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and secret.get_secret_value().strip().casefold() in _PLACEHOLDERS:
            raise ValueError("holds a placeholder; put in a real one")
        return secret

    @field_validator("openai_api_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key and not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError("holds blanks or characters that a key cannot have")
        return key

    @field_validator("http_rate")
    @classmethod
    def _check_http_rate(cls, rate: str) -> str:
        Pace.of_requests(rate)
        return rate

    @field_validator("hours")
    @classmethod
    def _check_hours(cls, text: str) -> str:
        Hours.parse(text)
        return text

    @field_validator("zone")
    @classmethod
    def _check_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{zone!r} is not a time zone: write for example America/Argentina/Cordoba") from error
        return zone

    @field_validator("sender_url", "callback_url", "openai_base_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url and url.rstrip("/")

    @model_validator(mode="after")
    def _check_together(self) -> ResponderSettings:
        if self.db_host and not self.db_database:
            raise ValueError("DB_HOST needs DB_DATABASE")
        if self.groups is Groups.MENTIONED and self.sender_url is not None and not self.own:
            raise ValueError(
                "RESPONDER_GROUPS=mentioned with MASSIVE_SENDER_URL needs RESPONDER_OWN: a legacy sender does not tell"
                " whether its account is mentioned"
            )
        return self

    @property
    def request_pace(self) -> Pace:
        """How many HTTP requests there may be."""
        return Pace.of_requests(self.http_rate)

    @property
    def policy(self) -> Policy:
        """What the policy needs of them."""
        return Policy(
            max_age=self.max_age,
            captions=self.captions,
            groups=self.groups,
            admins=self.admins,
            blocked=self.blocked,
            own=self.own,
            duplicate_window=self.duplicate_window,
            chat_budget=self.chat_budget,
            total_budget=self.total_budget,
        )

    @property
    def model_options(self) -> ModelOptions | None:
        """How to ask the model; None without a key."""
        if self.openai_api_key is None:
            return None
        return ModelOptions(
            api_key=self.openai_api_key,
            base_url=self.openai_base_url,
            model=self.openai_model,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            timeout=self.model_timeout,
            retries=self.model_retries,
            concurrency=self.model_concurrency,
            price_in=self.price_in,
            price_out=self.price_out,
        )

    @property
    def database_url(self) -> URL:
        """Where conversations are kept."""
        if self.db_host:
            return URL.create(
                "mysql+aiomysql",
                self.db_user,
                self.db_password.get_secret_value(),
                self.db_host,
                self.db_port,
                self.db_database,
                {"charset": "utf8mb4"},
            )
        return URL.create("sqlite+aiosqlite", database=str(self.data_dir / "responder.db"))

    @property
    def opening_hours(self) -> Hours:
        """When there are answers."""
        return Hours.parse(self.hours)

    @property
    def timezone(self) -> tzinfo:
        """Zone of the business."""
        return ZoneInfo(self.zone)

    def system_template(self) -> str:
        """The system text with its variables still in it. Raises WrongSettings."""
        template = DEFAULT_PROMPT
        if self.prompt_file is not None:
            try:
                template = self.prompt_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise WrongSettings(f"RESPONDER_PROMPT: {self.prompt_file} cannot be read: {error}") from error
        if unknown := unknown_variables(template, self.prompt_vars):
            raise WrongSettings(f"RESPONDER_PROMPT: nobody fills {{{{{unknown[0]}}}}}; set it in RESPONDER_PROMPT_VARS")
        return template


def load(**overrides: Any) -> ResponderSettings:
    """Read the settings. Raises `WrongSettings` with one sentence for each wrong variable."""
    try:
        return ResponderSettings(**overrides)
    except ValidationError as error:
        faults = [
            f"{fault['loc'][0] if fault['loc'] else 'settings'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise WrongSettings("Wrong settings. " + "; ".join(faults)) from error
