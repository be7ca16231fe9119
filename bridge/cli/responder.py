"""`wa responder`: the responder as a service, and as a part of `wa up`."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from bridge.cli.run import Exit, imports_of_a_service, run

if TYPE_CHECKING:
    from bridge.asgi.api_credentials import SharedCredentials
    from responder.settings import ResponderSettings
    from responder.transports import ResponderBroker

_log = logging.getLogger(__name__)
#: Seconds until a responder that failed beside a bridge is restarted.
RETRY_DELAY = 10.0


def register(app: typer.Typer) -> None:

    @app.command("responder")
    def responder() -> None:
        """Run the responder as a service: it records every conversation and answers by rules or a model."""
        run(_serve)


async def _serve() -> Exit:
    with imports_of_a_service():
        from bridge.cli.doubtful_settings import warn_of_settings
        from bridge.cli.signals import stop_on_signals
        from bridge.cli.startup import restrict_file_modes, start_logging
        from bridge.cli.systemd import notify_systemd
        from bridge.contract.errors import StartError
        from bridge.settings import load as load_bridge
        from responder.app import run as run_responder
        from responder.settings import load

    common, settings = load_bridge(), load()
    start_logging(common.log_level, common.log_format)
    restrict_file_modes()
    warn_of_settings(common, settings)
    broker = broker_options()
    if broker is None and settings.sender_url is None:
        raise StartError("No broker is configured: set WA_MQTT_URL, or start `wa up`, which runs one.")
    with stop_on_signals() as stop:
        async with notify_systemd():
            _log.info("Responder on %s:%d.", settings.host, settings.port)
            await run_responder(settings, broker, stop=stop)
    _log.info("Stopped.")
    return Exit.OK


def broker_options() -> ResponderBroker | None:
    """The broker of the bridge's settings, or the private one of WA_DATA_DIR; None if there is neither."""
    from bridge.cli.file_upload import upload
    from bridge.ops.private_broker import read_broker_json
    from bridge.settings import load
    from responder.transports import ResponderBroker

    settings = load()
    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    if settings.addresses:
        return ResponderBroker(
            settings.addresses,
            settings.mqtt_prefix,
            settings.mqtt_protocol,
            ca_file,
            instance=settings.instance,
            upload=upload,
        )
    private = read_broker_json(settings.data_dir)
    # all programs share one user of the private broker: a topic level of its own separates the responder's replies
    if private is None:
        return None
    return ResponderBroker(
        (private,), settings.mqtt_prefix, reply_name="responder", instance=settings.instance, upload=upload
    )


async def run_beside(
    settings: ResponderSettings, broker: ResponderBroker, stop: asyncio.Event, shared: SharedCredentials
) -> None:
    """Run until `stop` beside a bridge, which a failure must not stop: it is logged and the responder restarted."""
    from bridge.cli.signals import is_ending
    from bridge.contract.errors import CodedError
    from responder.app import run as run_responder

    while not stop.is_set():
        try:
            await run_responder(settings, broker, stop=stop, shared=shared)
        except (CodedError, OSError) as error:
            if await is_ending(stop):
                return
            _log.error("The responder cannot run: %s Retrying in %d s.", error, RETRY_DELAY)
        except Exception:  # noqa: BLE001 - the bridge in this process continues
            _log.exception("The responder failed. Restarting it in %d s.", RETRY_DELAY)
        else:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_DELAY):
                await stop.wait()
