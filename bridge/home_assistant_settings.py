"""The settings of what Home Assistant is shown."""

from __future__ import annotations

from typing import Annotated

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode

from bridge.contract.jid import GROUP_EXAMPLE
from bridge.contract.notify import NotifyTarget
from bridge.contract.topics import DiscoveryTopics, check_prefix
from bridge.setting_types import parsed, setting


class HomeAssistantSettings(BaseSettings):
    """The part of the bridge's settings that announces the sessions to Home Assistant."""

    home_assistant: bool = setting(
        "WA_HA",
        default=False,
        description="on: Home Assistant finds each session as a device of its MQTT integration"
        " (docs/integrations/home-assistant.md). off: it is removed there.",
    )
    home_assistant_prefix: str = setting(
        "WA_HA_PREFIX",
        default="homeassistant",
        description="Home Assistant's discovery prefix. The ACL of `wa broker` allows the default only.",
    )
    home_assistant_notify: Annotated[tuple[NotifyTarget, ...], NoDecode, parsed(NotifyTarget.parse_list)] = setting(
        "WA_HA_NOTIFY",
        default="",
        description="People and groups that get a notify entity in each session, comma list, for example"
        f" Ana=5491155500001,Casa={GROUP_EXAMPLE}",
    )

    @field_validator("home_assistant_prefix")
    @classmethod
    def _check_discovery_prefix(cls, prefix: str) -> str:
        return check_prefix(prefix)

    @property
    def discovery(self) -> DiscoveryTopics:
        """Topics under Home Assistant's prefix."""
        return DiscoveryTopics(self.home_assistant_prefix)
