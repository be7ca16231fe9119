"""The settings of `wa mcp`, parsed and checked once at start."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, field_validator

from bridge.contract.errors import StartError
from bridge.contract.settings_file import ProgramSettings, read_settings


class McpSettings(ProgramSettings):
    """The settings in force. Read with `load_mcp_settings`."""

    url: str = Field(
        validation_alias="WA_MCP_URL", default="http://127.0.0.1:3011", description="Address of the bridge's HTTP."
    )
    session: str = Field(
        validation_alias="WA_MCP_SESSION", default="haby", description="The session whose chats agents see."
    )
    key: SecretStr | None = Field(
        validation_alias="WA_MCP_KEY",
        default=None,
        description="Key of an agent (`wa key create NAME --chat NUMBER`), for stdio; over HTTP each request brings its"
        " own.",
    )
    host: str = Field(
        validation_alias="WA_MCP_HOST",
        default="127.0.0.1",
        description="Address of `wa mcp --http`. Keep it on loopback, behind a proxy with TLS.",
    )
    port: int = Field(
        validation_alias="WA_MCP_PORT", default=3016, ge=0, le=65535, description="Its port; 0 takes a free one."
    )
    hosts: str = Field(
        validation_alias="WA_MCP_HOSTS",
        default="",
        description="Further names of it in the Host header, comma list, for a proxy: mcp.example.com.",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @property
    def further_hosts(self) -> tuple[str, ...]:
        """The names of `hosts`."""
        return tuple(name.strip() for name in self.hosts.split(",") if name.strip())


def load_mcp_settings(**overrides: Any) -> McpSettings:
    """Read the settings. Raises `StartError` with one sentence for each wrong variable."""
    return read_settings(McpSettings, StartError, **overrides)
