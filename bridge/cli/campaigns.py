"""`wa campaigns`: the campaigns service, and as a part of `wa up`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from bridge.cli.run import Exit, imports_of_a_service, run

if TYPE_CHECKING:
    from bridge.broker import BrokerAddress
    from bridge.client.broker_access import BrokerAccess
    from bridge.settings import BridgeSettings
    from campaigns.settings import CampaignSettings

_log = logging.getLogger(__name__)
#: Seconds until a service that failed beside a bridge is restarted.
RETRY_DELAY = 10.0
#: The topic level of its replies on a private broker, whose programs share one user.
REPLY_NAME = "campaigns"


def register(app: typer.Typer) -> None:

    @app.command("campaigns")
    def campaigns() -> None:
        """Run the campaigns service: it sends what `wa campaign` and the panel plan. `wa up` runs it by itself."""
        run(_serve)


async def _serve() -> Exit:
    with imports_of_a_service():
        from bridge.cli.signals import stop_on_signals
        from bridge.cli.startup import restrict_file_modes, start_logging
        from bridge.cli.systemd import notify_systemd
        from bridge.contract.errors import StartError
        from bridge.ops.private_broker import read_broker_json
        from bridge.settings import load as load_bridge
        from campaigns.app import run as run_campaigns
        from campaigns.settings import load

    common, settings = load_bridge(), load()
    start_logging(common.log_level, common.log_format)
    restrict_file_modes()
    private = read_broker_json(common.data_dir)
    addresses = common.addresses or ((private,) if private else ())
    if not addresses:
        raise StartError("No broker is configured: set WA_MQTT_URL, or start `wa up`, which runs one.")
    with stop_on_signals() as stop:
        async with notify_systemd():
            _log.info("Campaigns on %s:%d.", settings.host, settings.port)
            await run_campaigns(settings, broker_of(common, addresses), stop=stop)
    _log.info("Stopped.")
    return Exit.OK


def broker_of(settings: BridgeSettings, addresses: tuple[BrokerAddress, ...]) -> BrokerAccess:
    """The broker of the bridge's settings, as the service takes it."""
    from bridge.client.broker_access import BrokerAccess

    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    level = None if settings.addresses else REPLY_NAME
    return BrokerAccess(addresses, settings.mqtt_prefix, settings.mqtt_protocol, ca_file, level)


async def run_beside(settings: CampaignSettings, broker: BrokerAccess, stop: asyncio.Event) -> None:
    """Run until `stop` beside a bridge, which a failure must not stop: it is logged and the service restarted."""
    from bridge.cli.signals import is_ending
    from bridge.contract.errors import CodedError
    from campaigns.app import run as run_campaigns

    while not stop.is_set():
        try:
            await run_campaigns(settings, broker, stop=stop)
        except (CodedError, OSError) as error:
            if await is_ending(stop):
                return
            _log.error("The campaigns service cannot run: %s Retrying in %d s.", error, RETRY_DELAY)
        except Exception:  # noqa: BLE001 - the bridge in this process continues
            _log.exception("The campaigns service failed. Restarting it in %d s.", RETRY_DELAY)
        else:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_DELAY):
                await stop.wait()
