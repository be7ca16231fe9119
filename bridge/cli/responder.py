"""`wa responder`: the answering service by itself, and as a part of `wa up`."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bridge.cli.run import Exit
    from responder.settings import ResponderSettings
    from responder.transports import BrokerAccess

_log = logging.getLogger(__name__)
#: Seconds before a responder that failed beside a bridge is started again.
RETRY = 10.0


def register(app: typer.Typer) -> None:

    @app.command("responder")
    def responder() -> None:
        """Run the responder as a service: it records every conversation and answers by rules or a model."""
        from bridge.cli.service import run

        run(_serve)


async def _serve() -> Exit:
    from bridge.cli.logs import start_logging
    from bridge.cli.privacy import keep_private
    from bridge.cli.run import Exit
    from bridge.cli.signals import stop_on_signals
    from bridge.cli.systemd import told_systemd
    from bridge.contract.errors import StartError
    from bridge.settings import load as load_bridge
    from responder.app import run as run_responder
    from responder.settings import load

    common, settings = load_bridge(), load()
    start_logging(common.log_level, common.log_format)
    keep_private()
    broker = broker_options()
    if broker is None and settings.sender_url is None:
        raise StartError("There is no broker to connect to: set WA_MQTT_URL, or start `wa up`, which runs one.")
    # what is loaded by now stays: a full collection (5 in 20 s at 30 messages/s) has only what is new to look through
    gc.collect()
    gc.freeze()
    with stop_on_signals() as stop:
        async with told_systemd():
            _log.info("Responder on %s:%d.", settings.host, settings.port)
            await run_responder(settings, broker, stop=stop)
    _log.info("Stopped.")
    return Exit.OK


def broker_options() -> BrokerAccess | None:
    """The broker as the bridge's settings say, or the private one of WA_DATA_DIR; None when there is neither."""
    from bridge.ops.private_broker import read_broker_json
    from bridge.settings import load
    from responder.transports import BrokerAccess

    settings = load()
    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    if settings.addresses:
        return BrokerAccess(
            settings.addresses, settings.mqtt_prefix, settings.mqtt_protocol, ca_file, instance=settings.instance
        )
    private = read_broker_json(settings.data_dir)
    # everybody is one user of the private broker: a level of our own keeps answers apart
    if private is None:
        return None
    return BrokerAccess((private,), settings.mqtt_prefix, level="responder", instance=settings.instance)


async def run_beside(settings: ResponderSettings, broker: BrokerAccess, stop: asyncio.Event) -> None:
    """Run until `stop` beside a bridge, which must not fall with it: a failure is logged and tried again."""
    from bridge.contract.errors import CodedError
    from responder.app import run as run_responder

    while not stop.is_set():
        try:
            await run_responder(settings, broker, stop=stop)
        except (CodedError, OSError) as error:
            _log.error("The responder does not run: %s Trying again in %d s.", error, RETRY)
        except Exception:  # noqa: BLE001 - the bridge beside it goes on
            _log.exception("The responder failed. Starting it again in %d s.", RETRY)
        else:
            return
        try:
            async with asyncio.timeout(RETRY):
                await stop.wait()
        except TimeoutError:
            pass
