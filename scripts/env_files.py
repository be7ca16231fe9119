"""Makes deploy/wa.env.example, responder, campaigns and mcp.env.example from the descriptions in the settings.

`--check` writes nothing, names the files that differ and ends with 1. What several programs read is in wa.env.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from bridge.mcp_server.settings import McpSettings
from bridge.settings import BridgeSettings
from campaigns.settings import CampaignSettings
from responder.settings import ResponderSettings

ROOT = Path(__file__).parent.parent
WIDTH = 120
BRIDGE_HEAD = """\
Settings of the bridge, and those shared with the services beside it. deploy/install copies this file to /etc/wa/wa.env
(root, 0600); compose reads it too. Every setting is commented out and shows its default. `wa doctor
--all` prints the settings in force and their errors. Secrets are empty here; placeholders are refused at start."""
RESPONDER_HEAD = """\
Settings of the responder only, with the names of the legacy service; shared settings are in wa.env. deploy/install
copies this file to /etc/wa/responder.env (root, 0600). Every setting is commented out and shows its default. Secrets
are empty here; placeholders are refused at start."""
MCP_HEAD = """\
Settings of `wa mcp`, which an MCP client starts with them or which runs as a service with --http. Every setting is
commented out and shows its default. The key is empty here."""
CAMPAIGNS_HEAD = """\
Settings of the campaigns service only; shared settings are in wa.env. deploy/install copies this file to
/etc/wa/campaigns.env (root, 0600). Every setting is commented out and shows its default. Secrets are empty here;
placeholders are refused at start."""
#: Heading of the section that a variable begins.
SECTIONS = {
    "WA_MQTT_URL": "The broker.",
    "WA_SESSIONS": "WhatsApp.",
    "WA_PACE_BURST": "Pacing: how fast it sends, and when.",
    "WA_RETENTION": "Retention: how long data is kept.",
    "WA_HTTP_HOST": "HTTP and webhooks.",
    "WA_LOG_LEVEL": "The log.",
    "WA_HA": "Home Assistant.",
    "WA_CAMPAIGNS_URL": "Campaigns and responder.",
    "WA_CAMPAIGNS_HOST": "HTTP, behind the bridge's.",
    "RESPONDER_HOST": "HTTP endpoints: /health, /api/status, /api/conversaciones, /api/message-received.",
    "DB_HOST": "The legacy database. The tables keep their names; the first start widens them and loses no row. Back"
    " up the database first.",
    "RESPONDER_ACTIVO": "Which messages are answered.",
    "RESPONDER_GATHER": "When, and how many.",
    "RESPONDER_RETENTION": "Retention.",
    "RESPONDER_RULES": "Rules and model.",
    "MASSIVE_SENDER_URL": "Webhook mode: receive and send through a legacy sender instead of the broker. Set both or"
    " neither.",
}


def variables(settings: type[BaseSettings]) -> dict[str, tuple[str, str]]:
    """Variable -> description, default as it is written; empty for none, for a secret, and for the host's own."""
    found = {}
    inherited = [name for name in settings.model_fields if name not in settings.__annotations__]
    for name in (*settings.__annotations__, *inherited):
        if (field := settings.model_fields.get(name)) is None:
            continue
        if not field.description:
            raise SystemExit(f"{settings.__name__}.{name} has no description.")
        default = field.default
        if default is PydanticUndefined or default is None or "SecretStr" in str(field.annotation):
            default = ""
        found[str(field.validation_alias)] = field.description, written(default)
    return found


def written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple() | frozenset() | dict() if not value:
            return ""
        case _:
            return str(value)


def example(head: str, settings: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"# {line}" for line in head.splitlines()]
    for variable, (description, default) in settings.items():
        if variable in SECTIONS:
            lines += ["", *comment(SECTIONS[variable]), "#"]
        lines += [*comment(description), f"#{variable}={default}"]
    return "\n".join(lines) + "\n"


def comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}"


def examples() -> dict[Path, str]:
    bridge, responder = variables(BridgeSettings), variables(ResponderSettings)
    own = {name: setting for name, setting in responder.items() if name not in bridge}
    sending = {name: setting for name, setting in variables(CampaignSettings).items() if name not in bridge}
    return {
        ROOT / "deploy/wa.env.example": example(BRIDGE_HEAD, bridge),
        ROOT / "deploy/responder.env.example": example(RESPONDER_HEAD, own),
        ROOT / "deploy/campaigns.env.example": example(CAMPAIGNS_HEAD, sending),
        ROOT / "deploy/mcp.env.example": example(MCP_HEAD, variables(McpSettings)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    stale = [path for path, text in examples().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} differs from the settings: run scripts/env_files.py\n")
        else:
            path.write_text(examples()[path], encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
