"""Settings of the bridge that are valid and have no effect, or can match nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.contract.findings import Finding, warning
from bridge.settings import BridgeSettings
from bridge.webhooks.callback_url import CallbackRules

#: Endings of names that resolve within a local network only.
_LOCAL_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".intranet", ".home", ".corp")
_PACES = {
    "pace_chat": "WA_PACE_CHAT",
    "pace_burst": "WA_PACE_BURST",
    "pace_spacing": "WA_PACE_SPACING",
    "pace_jitter": "WA_PACE_JITTER",
    "pace_new": "WA_PACE_NEW",
    "new_per_day": "WA_NEW_PER_DAY",
}


def ineffective(settings: BridgeSettings) -> Iterator[Finding]:
    """One warning for each; it names the setting and the value."""
    given = settings.model_fields_set
    if settings.mqtt_ca_file and settings.addresses and not any(address.tls for address in settings.addresses):
        yield warning(
            "settings",
            f"WA_MQTT_CA_FILE={settings.mqtt_ca_file} has no effect: no address of WA_MQTT_URL uses TLS.",
            "Write mqtts:// or wss:// in WA_MQTT_URL.",
        )
    if "jwt_audience" in given and settings.jwt_secret is None:
        yield warning(
            "settings",
            f"WA_JWT_AUDIENCE={settings.jwt_audience} has no effect: without WA_JWT_SECRET no token is accepted.",
            "Set WA_JWT_SECRET, too.",
        )
    if settings.pace.is_off and (paces := [name for field, name in _PACES.items() if field in given]):
        yield warning(
            "settings", f"WA_PACE=off switches {', '.join(paces)} off, too.", "Set WA_PACE to a rate, or unset these."
        )
    if "zone" in given and not settings.quiet_hours.minutes:
        yield warning(
            "settings",
            f"WA_TZ={settings.zone} has no effect: WA_QUIET_HOURS is not set.",
            "Set WA_QUIET_HOURS, too; the responder has RESPONDER_TZ.",
        )
    if settings.is_shared and not settings.addresses:
        yield warning(
            "settings",
            f"WA_BRIDGES={','.join(settings.bridges)}: a private broker serves this machine only.",
            "Set WA_MQTT_URL to the broker that all of them use.",
        )
    for name in _private_names(settings.callback_hosts):
        yield warning(
            "settings",
            f"WA_CALLBACK_HOSTS: {name} is a name of the local network, and a name allows public addresses only.",
            "Write the address or the network of that host there, for example 10.0.0.0/24.",
        )


def _private_names(rules: CallbackRules) -> list[str]:
    """Listed names that no listed network can serve: local ones, where only loopback is listed beside them."""
    if any(not network.is_loopback for network in rules.networks):
        return []
    return sorted(name for name in rules.names if "." not in name or name.endswith(_LOCAL_ENDINGS))
