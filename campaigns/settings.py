"""The settings of the campaigns service, parsed and checked once at start.

The broker's settings are the bridge's: the caller of `campaigns.app.run` passes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from bridge.contract.settings_file import ProgramSettings, read_settings
from bridge.contract.topics import check_session_name
from bridge.sql.settings import SqlSettings
from campaigns.errors import WrongCampaignSettings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_PLACEHOLDERS = frozenset({"changeme", "change-me", "change_me", "password", "secret", "example", "xxx"})


def _session_names(value: Any) -> Any:
    """`WA_SESSIONS` in the bridge's form, without the client after `=`."""
    if not isinstance(value, str):
        return value
    names = tuple(part.partition("=")[0].strip() for part in value.split(",") if part.strip())
    if not names:
        raise ValueError("contains no session; write for example haby=51")
    return tuple(check_session_name(name) for name in names)


def _url(value: Any) -> Any:
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/") if isinstance(value, str) else value


class CampaignSettings(SqlSettings, ProgramSettings):
    """The settings in force. Read with `load`."""

    host: str = Field(
        validation_alias="WA_CAMPAIGNS_HOST",
        default="127.0.0.1",
        description="Address of its HTTP server. Callers use the bridge's, which passes /v1/campaigns on.",
    )
    port: int = Field(
        validation_alias="WA_CAMPAIGNS_PORT", default=3015, ge=0, le=65535, description="Its port; 0 takes a free one."
    )
    api_key: SecretStr | None = Field(
        validation_alias="WHATSAPP_API_KEY", default=None, description="Key that callers send as x-api-key."
    )
    secret: SecretStr | None = Field(
        validation_alias="WA_CAMPAIGNS_SECRET",
        default=None,
        description="Secret between the bridge and the campaigns service, the same for both. Default:"
        " WHATSAPP_API_KEY.",
    )
    responder_secret: SecretStr | None = Field(
        validation_alias="WA_RESPONDER_SECRET",
        default=None,
        description="Secret between the responder and the services beside it, the same for all. Default:"
        " WHATSAPP_API_KEY.",
    )
    sessions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_session_names)] = Field(
        validation_alias="WA_SESSIONS",
        default=("haby",),
        description="Sessions, as name=cliente_id, comma list; with all of a bridge's WA_SESSIONS also those that are"
        " added to it.",
    )
    data_dir: Path = Field(
        validation_alias="WA_DATA_DIR", default=Path("data"), description="Folder of campaigns.db, without a server."
    )
    responder_url: Annotated[str | None, BeforeValidator(_url)] = Field(
        validation_alias="WA_CAMPAIGNS_RESPONDER",
        default=None,
        description="The responder's HTTP server, for example http://127.0.0.1:3013: who opted out there counts here.",
    )
    ahead: int = Field(
        validation_alias="WA_CAMPAIGNS_AHEAD",
        default=5,
        ge=1,
        le=100,
        description="Messages of campaigns that a session has accepted and not sent yet, at most.",
    )

    @field_validator("api_key", "secret", "responder_secret", "db_password")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and secret.get_secret_value().strip().casefold() in _PLACEHOLDERS:
            raise ValueError("is a placeholder; set a real one")
        return secret

    @property
    def database_url(self) -> URL:
        """The database of the campaigns."""
        return self.url_of(self.data_dir / "campaigns.db")


def load(**overrides: Any) -> CampaignSettings:
    """Read the settings. Raises `WrongCampaignSettings` with one sentence for each wrong variable."""
    return read_settings(CampaignSettings, WrongCampaignSettings, **overrides)
