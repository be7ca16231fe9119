"""Where the bridge's HTTP side finds the services beside it."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class ServiceAddresses(BaseSettings):
    """The part of the bridge's settings that names campaigns service and responder."""

    campaigns_url: str | None = Field(
        validation_alias="WA_CAMPAIGNS_URL",
        default=None,
        description="Address of the campaigns service, for example http://127.0.0.1:3015; /v1/campaigns is passed on to"
        " it. `wa up` sets it by itself. Default: none, and no campaigns.",
    )
    campaigns_secret: SecretStr | None = Field(
        validation_alias="WA_CAMPAIGNS_SECRET",
        default=None,
        description="Secret between the bridge and the campaigns service, the same for both. Default:"
        " WHATSAPP_API_KEY.",
    )

    responder_url: str | None = Field(
        validation_alias="WA_RESPONDER_URL",
        default=None,
        description="Address of the responder, for example http://127.0.0.1:3013; /v1/responder is passed on to"
        " it. `wa up` sets it by itself. Default: none, and the panel shows no automatic answers.",
    )
    responder_secret: SecretStr | None = Field(
        validation_alias="WA_RESPONDER_SECRET",
        default=None,
        description="Secret between the responder and the services beside it, the same for all. With it the responder"
        " answers no caller without a key. Default: WHATSAPP_API_KEY, or a token of WA_JWT_SECRET.",
    )

    @field_validator("campaigns_url", "responder_url")
    @classmethod
    def _check_service_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url and url.rstrip("/")
