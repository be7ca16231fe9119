"""The responder's settings, under the names of the legacy installation, parsed and checked once at start.

The broker's settings are the bridge's: the caller of `responder.app.run` passes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from bridge.contract.settings_file import ProgramSettings, read_settings
from bridge.sql.settings import SqlSettings
from responder.chat_state import OpeningTimes, OperatorSettings
from responder.errors import WrongSettings
from responder.model import ModelOptions
from responder.policy import Groups, Policy
from responder.prompt import PromptLimits, read_template
from responder.setting_types import (
    HoursSetting,
    PeopleSetting,
    ProxiesSetting,
    RateSetting,
    SessionsSetting,
    SwitchSetting,
    TextsSetting,
    UrlSetting,
    VariablesSetting,
    ZoneSetting,
)
from responder.transcriber import TranscriberOptions

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

#: The rules file in the data directory, which the panel makes.
RULES_NAME = "reglas.yaml"
_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "change_me", "password", "secret", "example", "xxx", "sk-...", "your-api-key", "tu_clave"}
)
_KEY = re.compile(r"[\x21-\x7e]+")


def _name(variable: str, **rest: Any) -> Any:
    return Field(validation_alias=variable, **rest)


class ResponderSettings(SqlSettings, ProgramSettings):
    """The settings in force. Read with `load`."""

    host: str = _name("RESPONDER_HOST", default="127.0.0.1", description="Address of the HTTP server.")
    port: int = _name("PORT", default=3013, ge=0, le=65535, description="Its port; 0 takes a free one.")
    api_key: SecretStr | None = _name(
        "WHATSAPP_API_KEY", default=None, description="Key that callers send as x-api-key."
    )
    secret: SecretStr | None = _name(
        "WA_RESPONDER_SECRET",
        default=None,
        description="Secret between the responder and the services beside it, the same for all. With it the responder"
        " answers no caller without a key.",
    )
    jwt_secret: SecretStr | None = _name("WA_JWT_SECRET", default=None, description="HS256 secret of bearer tokens.")
    jwt_audience: str = _name(
        "WA_JWT_AUDIENCE", default="whatsapp-mqtt-bridge", description="Audience (aud) that bearer tokens must have."
    )
    http_rate: RateSetting = _name(
        "WA_HTTP_RATE",
        default="6000/minute",
        validate_default=True,
        description="Requests per key and per address; off: no limit.",
    )
    http_proxies: ProxiesSetting = _name(
        "WA_HTTP_PROXIES",
        default="",
        validate_default=True,
        description="Proxies in front of bridge and responder, whose X-Forwarded-For names the client: loopback (nginx"
        " on this machine), addresses, networks, comma list. Without it the limits and the audit know only the proxy.",
    )
    sessions: SessionsSetting = _name(
        "WA_SESSIONS",
        default=("haby",),
        description="Sessions that are answered, as name=cliente_id, comma list; with all of a bridge's WA_SESSIONS"
        " also those that are added to it.",
    )
    cliente_id: int = _name("CLIENTE_ID", default=51, description="The client (cliente_id) of messages that have none.")
    data_dir: Path = _name(
        "WA_DATA_DIR", default=Path("data"), description="Folder of responder.db, without a legacy database."
    )

    active: SwitchSetting = _name(
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
    admins: PeopleSetting = _name(
        "ADMIN_NUMBERS",
        default=frozenset(),
        description="Numbers that may command it from WhatsApp («responder off»), comma list.",
    )
    blocked: PeopleSetting = _name(
        "RESPONDER_BLOCKED", default=frozenset(), description="Numbers that are never answered, comma list."
    )
    own: PeopleSetting = _name(
        "RESPONDER_OWN",
        default=frozenset(),
        description="Further numbers and LIDs that count as mentions of this account in groups, comma list."
        " The bridge knows its own account; a legacy sender does not report it.",
    )
    groups: Groups = _name("RESPONDER_GROUPS", default=Groups.NEVER, description="Groups: never, or mentioned.")
    captions: SwitchSetting = _name(
        "RESPONDER_CAPTIONS", default=False, description="Whether captions of images are answered."
    )
    images: SwitchSetting = _name(
        "RESPONDER_IMAGES", default=False, description="Whether the model is shown pictures; it must take them."
    )
    hours: HoursSetting = _name(
        "RESPONDER_HOURS",
        default="",
        validate_default=True,
        description="Opening hours, for example lun-vie 09:00-18:00; sab 09:00-13:00. Empty: always. `hours` in the"
        " rules file comes first.",
    )
    zone: ZoneSetting = _name(
        "RESPONDER_TZ",
        default="America/Argentina/Buenos_Aires",
        validate_default=True,
        description="Time zone of the hours and of the prompt.",
    )
    closed_text: str = _name(
        "RESPONDER_CLOSED_TEXT",
        default="",
        max_length=4_096,
        description="Answer outside the opening hours, once a day to each person. Empty: none.",
    )
    autoreplies: TextsSetting = _name(
        "RESPONDER_AUTOREPLIES",
        default=frozenset(),
        description="Greeting and away messages of the WhatsApp Business app, separated by |. They count as automatic,"
        " not as a person who answers.",
    )
    gather: float = _name(
        "RESPONDER_GATHER",
        default=2.0,
        ge=0,
        le=60,
        description="Seconds of silence that an answer waits for, so that several messages get one answer.",
    )
    pause: float = _name(
        "RESPONDER_PAUSE", default=1800, ge=0, description="Seconds without automatic answers after a person answered."
    )
    duplicate_window: float = _name(
        "RESPONDER_DUPLICATE_WINDOW",
        default=120,
        ge=0,
        description="Seconds in which a text that waits for its answer gets no second one, and no answer is repeated.",
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
        description="Rules (YAML) that answer before the model. Default: reglas.yaml in WA_DATA_DIR, which the panel"
        " makes; without it the shipped rules.",
    )

    openai_api_key: SecretStr | None = _name(
        "OPENAI_API_KEY", default=None, description="Key of the model; without it only rules answer."
    )
    openai_base_url: UrlSetting | None = _name(
        "OPENAI_BASE_URL", default=None, description="Another server with the same API."
    )
    openai_model: str = _name("OPENAI_MODEL", default="gpt-4o-mini", description="Name of the model.")
    temperature: float = _name(
        "OPENAI_TEMPERATURE", default=0.7, ge=0, le=2, description="Temperature; the default is the legacy one."
    )
    max_tokens: int = _name("OPENAI_MAX_TOKENS", default=500, ge=1, description="Maximum tokens of an answer.")
    max_text: int = _name(
        "OPENAI_MAX_TEXT",
        default=4_000,
        ge=100,
        description="Maximum characters of one message in a prompt; the rest of a longer one is left out.",
    )
    max_prompt: int = _name(
        "OPENAI_MAX_PROMPT",
        default=30_000,
        ge=1_000,
        description="Maximum characters of a prompt with its system text; older messages are left out.",
    )
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
    prompt_vars: VariablesSetting = _name(
        "RESPONDER_PROMPT_VARS",
        default={},
        description="Values of the {{name}} variables in the system text, for example negocio=Panadería Sol;"
        " zona=Palermo",
    )

    transcribe: str = _name(
        "RESPONDER_TRANSCRIBE",
        default="",
        max_length=200,
        description="Name of the model that writes down voice messages, for example whisper-1. Empty: none.",
    )
    transcribe_url: UrlSetting | None = _name(
        "RESPONDER_TRANSCRIBE_URL",
        default=None,
        description="Its server, with OpenAI's API for transcriptions. Default: the model's, with the model's key.",
    )
    transcribe_key: SecretStr | None = _name(
        "RESPONDER_TRANSCRIBE_KEY", default=None, description="Key of that server, if it needs one."
    )
    transcribe_seconds: float = _name(
        "RESPONDER_TRANSCRIBE_SECONDS", default=300, gt=0, description="Longer voice messages are not written down."
    )

    sender_url: UrlSetting | None = _name("MASSIVE_SENDER_URL", default=None, description="URL of the legacy sender.")
    callback_url: UrlSetting | None = _name(
        "RESPONDER_CALLBACK_URL", default=None, description="URL at which the sender reaches the responder."
    )

    @field_validator("api_key", "secret", "jwt_secret", "db_password", "openai_api_key", "transcribe_key")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and secret.get_secret_value().strip().casefold() in _PLACEHOLDERS:
            raise ValueError("is a placeholder; set a real one")
        return secret

    @field_validator("openai_api_key", "transcribe_key")
    @classmethod
    def _check_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key and not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError("contains blanks or characters that a key cannot have")
        return key

    @model_validator(mode="after")
    def _check_together(self) -> ResponderSettings:
        if self.transcribe and self.openai_api_key is None and self.transcribe_url is None:
            raise ValueError("RESPONDER_TRANSCRIBE needs OPENAI_API_KEY, or RESPONDER_TRANSCRIBE_URL")
        if self.groups is Groups.MENTIONED and self.sender_url is not None and not self.own:
            raise ValueError(
                "RESPONDER_GROUPS=mentioned with MASSIVE_SENDER_URL needs RESPONDER_OWN: a legacy sender does"
                " not report whether its account is mentioned"
            )
        return self

    @property
    def own_secret(self) -> SecretStr | None:
        """Without one, programs of this machine are answered as they come."""
        return self.api_key or self.jwt_secret or self.secret

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
            images=self.images and self.openai_api_key is not None and self.sender_url is None,
            speech=0 if self.transcriber_options is None else self.transcribe_seconds,
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
    def transcriber_options(self) -> TranscriberOptions | None:
        """The server that writes down voice messages; None without one, and in webhook mode, where no file comes."""
        if not self.transcribe or self.sender_url is not None:
            return None
        own = self.transcribe_key or SecretStr("none")  # the model's key goes to no other server
        return TranscriberOptions(
            api_key=own if self.transcribe_url or not self.openai_api_key else self.openai_api_key,
            base_url=self.transcribe_url or self.openai_base_url,
            timeout=self.model_timeout,
            retries=self.model_retries,
            concurrency=self.model_concurrency,
            model=self.transcribe,
        )

    @property
    def opening(self) -> OpeningTimes:
        """The opening hours that count where the rules file has none."""
        return OpeningTimes(self.hours, self.closed_text)

    def operator(self, opening: Callable[[], OpeningTimes]) -> OperatorSettings:
        """The settings that recording and deciding need, with the opening hours in force."""
        return OperatorSettings(self.policy, opening, self.zone, self.pause, self.autoreplies)

    @property
    def rules_path(self) -> Path:
        """The rules file; without RESPONDER_RULES it need not exist."""
        return self.rules_file or self.data_dir / RULES_NAME

    @property
    def prompt_limits(self) -> PromptLimits:
        """How long a prompt may be."""
        return PromptLimits(text=self.max_text, prompt=self.max_prompt)

    @property
    def database_url(self) -> URL:
        """The database of the conversations."""
        return self.url_of(self.data_dir / "responder.db")

    def system_template(self) -> str:
        """The system text before its variables are filled in. Raises WrongSettings."""
        return read_template(self.prompt_file, self.prompt_vars, self.prompt_limits)


def load(**overrides: Any) -> ResponderSettings:
    """Read the settings. Raises `WrongSettings` with one sentence for each wrong variable."""
    return read_settings(ResponderSettings, WrongSettings, **overrides)
