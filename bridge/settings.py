"""Settings: every value that an operator can set, from the environment or `.env`, parsed once at start.

The names are the contract's. A wrong value is a `StartError` that names the variable and what to write instead.
deploy/wa.env.example is made from the descriptions here (scripts/env_files.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from bridge.asgi.proxies import Proxies
from bridge.broker import BrokerAddress
from bridge.browser_settings import BrowserSettings
from bridge.contract.errors import StartError
from bridge.contract.pace import Pace
from bridge.contract.s3_location import S3Location
from bridge.contract.settings_file import ProgramSettings, read_settings
from bridge.contract.topics import Topics, check_prefix, check_session_name
from bridge.core.call_policy import CallPolicy
from bridge.core.media_policy import MediaMode, MediaPolicy
from bridge.drivers import DriverName
from bridge.home_assistant_settings import HomeAssistantSettings
from bridge.sending_settings import SendingSettings
from bridge.service_addresses import ServiceAddresses
from bridge.setting_types import (
    PLACEHOLDERS,
    Retention,
    SessionSetting,
    default_instance,
    parse_bridges,
    parse_brokers,
    parse_inline,
    parse_media_types,
    parse_port,
    parse_public_url,
    parse_sessions,
    parse_size,
    parse_web_url,
    parsed,
    setting,
)
from bridge.webhooks.callback_url import CallbackRules


class BridgeSettings(BrowserSettings, SendingSettings, HomeAssistantSettings, ServiceAddresses, ProgramSettings):
    """The effective settings. Frozen; read with `load`."""

    addresses: Annotated[tuple[BrokerAddress, ...], NoDecode, parsed(parse_brokers)] = setting(
        "WA_MQTT_URL",
        default=(),
        description="Brokers, comma list, tried in order; none: a private broker. mqtt://user:password@host:1883"
        " mqtts://…:8883 (TLS) ws://…:9001/mqtt wss://…/mqtt. It contains a password, so an"
        " installation keeps it in /etc/wa/credentials/bridge.env and responder.env, which `wa broker"
        " init --credentials /etc/wa/credentials` writes.",
    )
    mqtt_prefix: str = setting(
        "WA_MQTT_PREFIX",
        default="wa",
        description="First levels of every topic; may contain /. The broker's ACL must match: wa broker init"
        " --prefix …",
    )
    mqtt_protocol: Literal["3.1.1", "5"] = setting(
        "WA_MQTT_PROTOCOL",
        default="3.1.1",
        description="3.1.1 works with every broker; 5 adds response topics and message expiry.",
    )
    mqtt_ca_file: Path | None = setting(
        "WA_MQTT_CA_FILE",
        default=None,
        description="PEM file of the authorities that sign the broker's certificate, if they are not in the"
        " system's store.",
    )
    sessions: Annotated[tuple[SessionSetting, ...], NoDecode, parsed(parse_sessions)] = setting(
        "WA_SESSIONS",
        default="haby=51",
        description="One session per number, as name=cliente_id, comma list; paths without a session name use the"
        " first.",
    )
    data_dir: Path = setting(
        "WA_DATA_DIR",
        default=Path("data"),
        description="Logins and stores, on a local disk. The systemd units set it to /var/lib/wa-bridge and"
        " /var/lib/wa-responder.",
    )
    web_url: Annotated[str, parsed(parse_web_url)] = setting(
        "WA_WEB_URL",
        default="https://web.whatsapp.com/",
        description="The page that the driver opens. Only tests change it.",
    )
    wa_js_file: Path | None = setting(
        "WA_JS_FILE",
        default=None,
        description="A wa-js bundle (wppconnect-wa.js) to run, without a trial, instead of the shipped one and of what"
        " `wa web use` selects.",
    )
    web_version: str | None = setting(
        "WA_WEB_VERSION",
        default=None,
        description="Pins WhatsApp's page to saved HTML, for a day on which its newest page does not work: a version"
        " that `wa web page` has saved, or the path of an HTML file. Default: the page that the site sends.",
    )
    available: bool = setting(
        "WA_AVAILABLE",
        default=False,
        description="on: contacts see the account as online, the phone does not ring, and a send marks the chat as read"
        " with read receipts. off: none of that; it is online only while it shows typing.",
    )
    reject_calls: Annotated[CallPolicy, NoDecode, parsed(CallPolicy.parse)] = setting(
        "WA_REJECT_CALLS",
        default="off",
        description="on: calls are rejected as they ring. Any other text: so they are, and the caller is written it.",
    )
    instance: str = setting(
        "WA_INSTANCE",
        default_factory=default_instance,
        description="This bridge's name in wa/bridge/<name>/status. Default: the host name.",
    )
    bridges: Annotated[tuple[str, ...], NoDecode, parsed(parse_bridges)] = setting(
        "WA_BRIDGES",
        default="",
        description="The bridges that may run these sessions, by WA_INSTANCE, comma list, the same on each of them; for"
        " example north,south. They agree over the broker which one runs each session (docs/several-bridges.md)."
        " Default: this one alone, which then also works without a broker.",
    )
    retention: Annotated[Retention, NoDecode, parsed(Retention.parse)] = setting(
        "WA_RETENTION",
        default="30d,1GB",
        description="How long received messages are kept for replays: days and size, whichever is reached first.",
    )
    retention_commands: int = setting(
        "WA_RETENTION_COMMANDS",
        default=30,
        ge=1,
        le=3650,
        description="Days that command ids are kept; after that, a repeated id is sent again.",
    )
    retention_keys: int = setting(
        "WA_RETENTION_KEYS",
        default=400,
        ge=30,
        le=3650,
        description="Days that message keys are kept; older messages are history and not published.",
    )
    retention_letters: int = setting(
        "WA_RETENTION_LETTERS",
        default=30,
        ge=1,
        le=3650,
        description="Days that dead letters of webhooks are kept, at most 10,000 per session.",
    )
    retention_audit: int = setting(
        "WA_RETENTION_AUDIT",
        default=365,
        ge=1,
        le=3650,
        description="Days that the audit log of admin actions is kept, at most 100,000 lines.",
    )
    media: MediaMode = setting(
        "WA_MEDIA",
        default=MediaMode.AUTO,
        description="Files of received messages. auto: downloaded as they come; ask: when the request media.get asks"
        " for one; off: never. Files that may be viewed once are downloaded only when they are asked for.",
    )
    media_types: Annotated[frozenset[str], NoDecode, parsed(parse_media_types)] = setting(
        "WA_MEDIA_TYPES",
        default="",
        description="Kinds that auto downloads, comma list of image, video, gif, video_note, audio, voice, sticker,"
        " document. Default: all of them.",
    )
    media_limit: Annotated[int, NoDecode, parsed(parse_size)] = setting(
        "WA_MEDIA_LIMIT", default="64MB", description="The largest file that is downloaded or sent."
    )
    media_store: Annotated[S3Location | None, NoDecode, parsed(S3Location.parse)] = setting(
        "WA_MEDIA_STORE",
        default=None,
        description="Where files are kept: s3://bucket/prefix?region=us-east-1, with &endpoint=https://… for another"
        " storage than AWS; needs the package's extra s3. Default: the folder media in WA_DATA_DIR.",
    )
    media_store_key: SecretStr | None = setting(
        "WA_MEDIA_STORE_KEY",
        default=None,
        description="Its access key, as id:secret. Default: the AWS variables of the environment, or the machine's"
        " role.",
    )
    media_retention: Annotated[Retention, NoDecode, parsed(Retention.parse)] = setting(
        "WA_MEDIA_RETENTION",
        default="30d,5GB",
        description="How long files are kept: days and size of all of them, whichever is reached first. A file also"
        " goes with the last message that has it (WA_RETENTION).",
    )
    media_inline: Annotated[int, NoDecode, parsed(parse_inline)] = setting(
        "WA_MEDIA_INLINE",
        default="0",
        description="Files below this size, at most 500KB, are also in the event that reports them, in base64.",
    )
    public_url: Annotated[str | None, parsed(parse_public_url)] = setting(
        "WA_PUBLIC_URL",
        default=None,
        description="The address of the HTTP server for other machines, for example https://wa.example; links to files"
        " begin with it. Default: the address that it listens on.",
    )
    releases: Annotated[str | None, parsed(parse_web_url)] = setting(
        "WA_RELEASES",
        default=None,
        description="Address of a JSON that names the newest release (info.version, as package indexes serve it). The"
        " bridge asks there once a day, and the panel says when it is newer; so does `wa doctor`. Default: none, and"
        " nothing is asked.",
    )
    http_host: str = setting(
        "WA_HTTP_HOST",
        default="127.0.0.1",
        description="Address of the HTTP server: legacy endpoints, /v1 and panel. Keep it on loopback, behind nginx.",
    )
    http_port: Annotated[int | None, parsed(parse_port)] = setting(
        "WA_HTTP_PORT", default=3011, ge=0, le=65535, description="0 takes a free port; off: no HTTP and no webhooks."
    )
    http_rate: Annotated[Pace, NoDecode, parsed(Pace.of_requests)] = setting(
        "WA_HTTP_RATE",
        default="6000/minute",
        description="Requests per key and per address, for bridge and responder; off: no limit. nginx has its own"
        " limit.",
    )
    http_proxies: Annotated[Proxies, NoDecode, parsed(Proxies.parse)] = setting(
        "WA_HTTP_PROXIES",
        default="",
        description="Proxies in front of bridge and responder, whose X-Forwarded-For names the client: loopback (nginx"
        " on this machine), addresses, networks, comma list. Without it the limits and the audit know only the proxy.",
    )
    api_key: SecretStr | None = setting(
        "WHATSAPP_API_KEY",
        default=None,
        description="Key that legacy callers send as x-api-key; it may do everything. With neither this nor"
        " WA_JWT_SECRET the bridge serves this machine only, and refuses requests through a proxy."
        " Create one: openssl rand -hex 32",
    )
    jwt_secret: SecretStr | None = setting(
        "WA_JWT_SECRET", default=None, description="HS256 secret of bearer tokens, 32 characters or more."
    )
    jwt_audience: str = setting(
        "WA_JWT_AUDIENCE", default="whatsapp-mqtt-bridge", description="Audience (aud) that bearer tokens must have."
    )
    callback_hosts: Annotated[CallbackRules, NoDecode, parsed(CallbackRules.parse)] = setting(
        "WA_CALLBACK_HOSTS",
        default="loopback",
        description="Hosts that webhooks may point to: loopback, names, addresses and networks, comma list, for"
        " example loopback,10.0.0.0/24,crm.example",
    )
    callback_timeout: float = setting(
        "WA_CALLBACK_TIMEOUT", default=5.0, gt=0, le=60, description="Timeout of a webhook in seconds."
    )
    legacy_timeout: float = setting(
        "WA_LEGACY_TIMEOUT",
        default=30.0,
        gt=0,
        le=300,
        description="Timeout in seconds of a webhook registered on the legacy path. They may ask a model first.",
    )
    legacy_groups: bool = setting(
        "WA_LEGACY_GROUPS",
        default=False,
        description="Whether group messages are sent to webhooks registered on the legacy path. Old responders"
        " would answer groups.",
    )
    media_hosts: Annotated[CallbackRules, NoDecode, parsed(CallbackRules.of_files)] = setting(
        "WA_MEDIA_HOSTS",
        default="public",
        description="Hosts from which the bridge fetches the files of commands: public (every public address),"
        " loopback, names, addresses and networks, comma list, for example public,10.0.0.0/24",
    )
    driver: DriverName = setting(
        "WA_DRIVER", default="web", description="The way to WhatsApp: web, or scripted for trials without a browser."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "WA_LOG_LEVEL", default="INFO", description="DEBUG writes message bodies to the log: not in production."
    )
    log_format: Literal["text", "json"] = setting(
        "WA_LOG_FORMAT", default="text", description="text, or json for machines, which the systemd units set."
    )

    @field_validator("mqtt_prefix")
    @classmethod
    def _check_prefix(cls, prefix: str) -> str:
        return check_prefix(prefix)

    @field_validator("instance")
    @classmethod
    def _check_instance(cls, instance: str) -> str:
        return check_session_name(instance) if instance != "bridge" else instance

    @field_validator("bridges")
    @classmethod
    def _check_bridges(cls, bridges: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        instance = info.data.get("instance")
        if bridges and instance is not None and instance not in bridges:
            raise ValueError(f"does not name this bridge, WA_INSTANCE {instance}")
        return bridges

    @field_validator("api_key", "jwt_secret", "responder_secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None:
            return None
        text, shortest = secret.get_secret_value(), 32 if info.field_name == "jwt_secret" else 8
        if text.lower() in PLACEHOLDERS:
            raise ValueError("is a placeholder; put in a real one")
        if len(text) < shortest:
            raise ValueError(f"is too short to be a secret: {shortest} characters or more")
        return secret

    @property
    def topics(self) -> Topics:
        """Topics under the configured prefix."""
        return Topics(self.mqtt_prefix)

    @property
    def media_policy(self) -> MediaPolicy:
        """Which files are downloaded."""
        return MediaPolicy(self.media, self.media_types, self.media_limit, self.media_inline)

    @property
    def session_names(self) -> tuple[str, ...]:
        """The names of `sessions`, in their order."""
        return tuple(setting.name for setting in self.sessions)

    @property
    def is_shared(self) -> bool:
        """Whether another bridge may run these sessions, too."""
        return len(self.bridges) > 1

    def session_dir(self, name: str) -> Path:
        """Where a session keeps its profile and store."""
        return self.data_dir / "sessions" / name


def load(**overrides: Any) -> BridgeSettings:
    """Read the settings. Raises `StartError` with one line for each wrong variable."""
    return read_settings(BridgeSettings, StartError, **overrides)
