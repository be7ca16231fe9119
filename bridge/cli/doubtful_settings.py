"""Settings that are valid and do nothing: names that no program reads, and values that can match nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.contract.findings import Finding, warning

if TYPE_CHECKING:
    from bridge.settings import BridgeSettings
    from responder.settings import ResponderSettings

_log = logging.getLogger(__name__)


def unknown_names(environment: Mapping[str, str], file: Mapping[str, str | None]) -> Iterator[Finding]:
    """Names that neither program reads."""
    from bridge.ops.doctor.variables import has_unknown, unknown

    if not has_unknown(environment, file):
        return iter(())
    # 0.1 s of processor time, so only where one of its names may be there
    from campaigns.settings import CampaignSettings
    from responder.settings import ResponderSettings

    fields = [*ResponderSettings.model_fields.values(), *CampaignSettings.model_fields.values()]
    return unknown(environment, file, [str(field.validation_alias) for field in fields])


def doubts(settings: BridgeSettings, responder: ResponderSettings | None) -> Iterator[Finding]:
    """Values that can match nothing. `responder` None: it does not run here."""
    from bridge.ops.doctor.ineffective import ineffective

    yield from ineffective(settings)
    if responder is None:
        return
    from responder.ineffective import ineffective as ineffective_of_responder
    from responder.rules_file import hours_of_file

    for what, advice in ineffective_of_responder(responder, hours_of_file(responder.rules_path)):
        yield warning("settings", what, advice)
    clients = {session.cliente_id for session in settings.sessions}
    if "cliente_id" in responder.model_fields_set and responder.cliente_id not in clients:
        yield warning(
            "settings",
            f"CLIENTE_ID={responder.cliente_id}: no session of WA_SESSIONS"
            f" ({','.join(map(str, settings.sessions))}) has this client.",
            "Write the same number in both.",
        )
    if (host := _refused_callback(settings, responder)) is not None:
        yield warning(
            "settings",
            f"RESPONDER_CALLBACK_URL={responder.callback_url}: the bridge may not post to {host}, which is not in"
            f" WA_CALLBACK_HOSTS ({settings.callback_hosts}).",
            "Add it there.",
        )


def warn_of_settings(settings: BridgeSettings, responder: ResponderSettings | None) -> None:
    """Log a warning for each, at the start."""
    from bridge.asgi.settings_report import read_environment

    for finding in (*unknown_names(*read_environment()), *doubts(settings, responder)):
        _log.warning("%s %s", finding.what, finding.advice)


def _refused_callback(settings: BridgeSettings, responder: ResponderSettings) -> str | None:
    """The host of the callback URL, if the sender is the bridge of these settings and refuses it."""
    import ipaddress

    sender, callback = urlsplit(responder.sender_url or ""), urlsplit(responder.callback_url or "")
    host = callback.hostname
    if host is None or sender.port != settings.http_port or sender.hostname not in ("localhost", "127.0.0.1", "::1"):
        return None
    rules = settings.callback_hosts
    try:
        allowed = rules.allow(host, ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:  # a name may resolve into a listed network
        allowed = rules.names_host(host) or any(not network.is_loopback for network in rules.networks)
    return None if allowed else host
