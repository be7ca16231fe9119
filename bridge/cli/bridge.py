"""`wa bridge`: the bridge as a service, on an existing broker."""

from __future__ import annotations

import logging

import typer

from bridge.cli.run import Exit, imports_of_a_service, run
from bridge.contract.errors import StartError

_log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:

    @app.command("bridge")
    def bridge() -> None:
        """Run the bridge as a service; logs to standard error. Needs a broker: WA_MQTT_URL, or a running `wa up`."""
        run(_serve)


async def _serve() -> Exit:
    with imports_of_a_service():
        from bridge.app import Bridge
        from bridge.app.clock import SystemClock
        from bridge.cli.doubtful_settings import warn_of_settings
        from bridge.cli.http_file import http_json
        from bridge.cli.signals import run_until, stop_on_signals
        from bridge.cli.startup import restrict_file_modes, start_logging
        from bridge.drivers import driver_kind
        from bridge.http.listener import address_of, listen
        from bridge.http.log_ring import LogRing
        from bridge.ops.private_broker import read_broker_json
        from bridge.settings import load

    settings, clock, ring = load(), SystemClock(), LogRing()
    start_logging(settings.log_level, settings.log_format, ring=ring)
    restrict_file_modes()
    warn_of_settings(settings, None)
    private = read_broker_json(settings.data_dir)
    addresses = settings.addresses or ((private,) if private else ())
    if not addresses:
        raise StartError("No broker is configured: set WA_MQTT_URL, or use `wa up`, which starts one.")
    http = None if settings.http_port is None else listen(settings.http_host, settings.http_port)
    with stop_on_signals() as stop:
        kind = driver_kind(settings.driver)
        async with kind.open(settings, clock) as drivers:
            _log.info("Sessions: %s. Broker: %s.", ", ".join(s.name for s in settings.sessions), addresses[0].masked)
            if http is not None:
                _log.info("HTTP: %s.", address_of(http))
            with http_json(settings.data_dir, http, web_url=settings.web_url) as command_key:
                described = kind.describe(settings)
                bridge = Bridge(
                    *(settings, addresses, drivers, clock),
                    driver_text=described,
                    login=kind.login,
                    http=http,
                    command_key=command_key,
                    log=ring,
                )
                await run_until(bridge, stop)
    _log.info("Stopped.")
    return Exit.OK
