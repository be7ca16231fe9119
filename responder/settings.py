"""The responder's settings, under the names of the legacy installation, parsed and checked once at start.

The broker's settings are the bridge's: the caller of `responder.app.run` passes them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
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
    """A comma list of numbers in any spelling, or of addresses, normalized for comparison."""
    if not isinstance(value, str):
        return value
    try:
        return frozenset(str(parse_recipient(part)) for part in value.split(",") if part.strip())
    except CodedError as error:
        raise ValueError(error.text) from error


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


def _name(variable: str, **rest: Any) -> Any:
    return Field(validation_alias=variable, **rest)


_Switch = Annotated[bool, BeforeValidator(_switch)]
_People = Annotated[frozenset[str], NoDecode, BeforeValidator(_people)]
_Rate = Annotated[InstanceOf[Pace], NoDecode, BeforeValidator(_rate)]
_Hours = Annotated[InstanceOf[Hours], NoDecode, BeforeValidator(_hours)]
_Zone = Annotated[InstanceOf[ZoneInfo], NoDecode, BeforeValidator(_zone)]
_Url = Annotated[str, BeforeValidator(_url)]


class ResponderSettings(BaseSettings):
    """The settings in force. Read with `load`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    host: str = _name("RESPONDER_HOST", default="127.0.0.1", description="Address of the HTTP server.")
    port: int = _name("PORT", default=3013, ge=0, le=65535, description="Its port; 0 takes a free one.")
    api_key: SecretStr | None = _name(
        "WHATSAPP_API_KEY", default=None, description="Key that callers send as x-api-key."
    )
    jwt_secret: SecretStr | None = _name("WA_JWT_SECRET", default=None, description="HS256 secret of bearer tokens.")
    jwt_audience: str = _name(
        "WA_JWT_AUDIENCE", default="whatsapp-mqtt-bridge", description="Audience (aud) that bearer tokens must have."
    )
    http_rate: _Rate = _name(
        "WA_HTTP_RATE",
        default="6000/minute",
        validate_default=True,
        description="Requests per key and per address; off: no limit.",
    )
    sessions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_session_names)] = _name(
        "WA_SESSIONS", default=("haby",), description="Sessions that are answered, as name=cliente_id, comma list."
    )
    cliente_id: int = _name("CLIENTE_ID", default=51, description="The client (cliente_id) of messages that have none.")
    data_dir: Path = _name(
        "WA_DATA_DIR", default=Path("data"), description="Folder of responder.db, without a legacy database."
    )

    db_host: str | None = _name(
        "DB_HOST", default=None, description="MySQL or MariaDB; none: SQLite in the data directory."
    )
    db_port: int = _name("DB_PORT", default=3306, ge=1, le=65535, description="Its port.")
    db_user: str = _name("DB_USER", default="root", description="Its user.")
    db_password: SecretStr = _name("DB_PASSWORD", default=SecretStr(""), description="The user's password.")
    db_database: str | None = _name("DB_DATABASE", default=None, description="The legacy installation's database.")

    active: _Switch = _name(
        "RESPONDER_ACTIVO",
        default=True,
        description="Main switch (true, 1, on, si, yes or false, 0, off, no). Each client also has its own switch.",
    )
    max_age: float = _name(
        "RESPONDER_MAX_AGE",
        default=900,
        ge=1,
        description="Messages older than this many seconds are recorded but not answered, so that an outage"
        " causes no late answers.",
    )
    admins: _People = _name(
        "ADMIN_NUMBERS",
        default=frozenset(),
        description="Numbers that may command it from WhatsApp («responder off»), comma list.",
    )
    blocked: _People = _name(
        "RESPONDER_BLOCKED", default=frozenset(), description="Numbers that are never answered, comma list."
    )
    own: _People = _name(
        "RESPONDER_OWN",
        default=frozenset(),
        description="Further numbers and LIDs that count as mentions of this account in groups, comma list."
        " The bridge knows its own account; a legacy sender does not report it.",
    )
    groups: Groups = _name("RESPONDER_GROUPS", default=Groups.NEVER, description="Groups: never, or mentioned.")
    captions: _Switch = _name(
        "RESPONDER_CAPTIONS", default=False, description="Whether captions of images are answered."
    )
    hours: _Hours = _name(
        "RESPONDER_HOURS",
        default="",
        validate_default=True,
        description="Opening hours, for example lun-vie 09:00-18:00; sab 09:00-13:00. Empty: always.",
    )
    zone: _Zone = _name(
        "RESPONDER_TZ",
        default="America/Argentina/Buenos_Aires",
        validate_default=True,
        description="Time zone of the hours and of the prompt.",
    )
    gather: float = _name(
        "RESPONDER_GATHER",
        default=2.0,
        ge=0,
        le=60,
        description="Seconds of quiet time before several messages get one answer.",
    )
    pause: float = _name(
        "RESPONDER_PAUSE", default=1800, ge=0, description="Seconds without automatic answers after a person answered."
    )
    duplicate_window: float = _name(
        "RESPONDER_DUPLICATE_WINDOW",
        default=120,
        ge=0,
        description="Seconds in which the same text gets no second answer.",
    )
    chat_budget: int = _name(
        "RESPONDER_CHAT_BUDGET",
        default=20,
        ge=0,
        description="Answers per hour and chat: stops two bots that answer each other.",
    )
    total_budget: int = _name("RESPONDER_TOTAL_BUDGET", default=1000, ge=0, description="Answers per hour in total.")
    retention: int = _name(
        "RESPONDER_RETENTION",
        default=30,
        ge=1,
        le=3650,
        description="Days that records of messages and answers (wa_message, wa_turn) are kept.",
    )
    retention_conversations: int = _name(
        "RESPONDER_RETENTION_CONVERSATIONS",
        default=0,
        ge=0,
        le=36500,
        description="Days that conversations are kept; 0: indefinitely, as the legacy service did. Opt-outs"
        " are always kept.",
    )
    rules_file: Path | None = _name(
        "RESPONDER_RULES",
        default=None,
        description="Rules (YAML) that answer before the model. Default: the shipped rules.",
    )

    openai_api_key: SecretStr | None = _name(
        "OPENAI_API_KEY", default=None, description="Key of the model; without it only rules answer."
    )
    openai_base_url: _Url | None = _name(
        "OPENAI_BASE_URL", default=None, description="Another server with the same API."
    )
    openai_model: str = _name("OPENAI_MODEL", default="gpt-4o-mini", description="Name of the model.")
    temperature: float = _name(
        "OPENAI_TEMPERATURE", default=0.7, ge=0, le=2, description="Temperature; the default is the legacy one."
    )
    max_tokens: int = _name("OPENAI_MAX_TOKENS", default=500, ge=1, description="Maximum tokens of an answer.")
    model_timeout: float = _name(
        "OPENAI_TIMEOUT", default=30, gt=0, le=300, description="Timeout of one attempt in seconds."
    )
    model_retries: int = _name("OPENAI_RETRIES", default=2, ge=0, le=5, description="Number of retries.")
    model_concurrency: int = _name("OPENAI_CONCURRENCY", default=4, ge=1, le=64, description="Concurrent questions.")
    price_in: float = _name(
        "OPENAI_PRICE_IN", default=0, ge=0, description="Price of a million input tokens, to count costs."
    )
    price_out: float = _name("OPENAI_PRICE_OUT", default=0, ge=0, description="Price of a million output tokens.")
    prompt_file: Path | None = _name(
        "RESPONDER_PROMPT", default=None, description="File with the system text. Default: the shipped one."
    )
    prompt_vars: Annotated[dict[str, str], NoDecode, BeforeValidator(_variables)] = _name(
        "RESPONDER_PROMPT_VARS",
        default={},
        description="Values of the {{name}} variables in the system text, for example negocio=Panadería Sol;"
        " zona=Palermo",
    )

    sender_url: _Url | None = _name("MASSIVE_SENDER_URL", default=None, description="URL of the legacy sender.")
    callback_url: _Url | None = _name(
        "RESPONDER_CALLBACK_URL", default=None, description="URL at which the sender reaches the responder."
    )

    @field_validator("api_key", "jwt_secret", "db_password", "openai_api_key")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and secret.get_secret_value().strip().casefold() in _PLACEHOLDERS:
            raise ValueError("is a placeholder; set a real one")
        return secret

    @field_validator("openai_api_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key and not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError("contains blanks or characters that a key cannot have")
        return key

    @model_validator(mode="after")
    def _check_together(self) -> ResponderSettings:
        if self.db_host and not self.db_database:
            raise ValueError("DB_HOST needs DB_DATABASE")
        if self.groups is Groups.MENTIONED and self.sender_url is not None and not self.own:
            raise ValueError(
                "RESPONDER_GROUPS=mentioned with MASSIVE_SENDER_URL needs RESPONDER_OWN: a legacy sender does"
                " not report whether its account is mentioned"
            )
        return self

    @property
    def policy(self) -> Policy:
        """The settings that the policy needs."""
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
        """The settings of the model; None without a key."""
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
        """The database of the conversations."""
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

    def system_template(self) -> str:
        """The system text before its variables are filled in. Raises WrongSettings."""
        template = DEFAULT_PROMPT
        if self.prompt_file is not None:
            try:
                template = self.prompt_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise WrongSettings(f"RESPONDER_PROMPT: {self.prompt_file} cannot be read: {error}") from error
        if unknown := unknown_variables(template, self.prompt_vars):
            raise WrongSettings(f"RESPONDER_PROMPT: {{{{{unknown[0]}}}}} has no value; set it in RESPONDER_PROMPT_VARS")
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
