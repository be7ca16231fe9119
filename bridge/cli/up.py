"""`wa up`: everything in one process, for use at a terminal: the bridge, and a broker if none is configured.

With `--sandbox` a simulator on this machine replaces WhatsApp, with a phone page to type on. Its data are separate, so
that experiments never touch a real login.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import Exit, imports_of_a_service, run

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from pydantic import SecretStr
    from rich.console import Console

    from bridge.app import Bridge
    from bridge.broker import BrokerAddress
    from bridge.cli.screen import Hint
    from bridge.contract.topics import Topics
    from bridge.http.credentials import ServiceCredentials
    from bridge.ops.private_broker import PrivateBroker
    from bridge.ports.broker_users import BrokerUsers
    from bridge.sandbox import Sandbox
    from bridge.settings import BridgeSettings
    from campaigns.settings import CampaignSettings
    from responder.settings import ResponderSettings
    from responder.transports import ResponderBroker

SANDBOX_PORT = 3080
#: A contact of the sandbox's phone, for the example lines.
SANDBOX_CONTACT = "5491155500001"


def register(app: typer.Typer) -> None:

    @app.command("up")
    def up(
        sandbox: Annotated[
            bool, typer.Option("--sandbox", help="Use a simulated WhatsApp on this machine: no phone, no internet.")
        ] = False,
        sandbox_port: Annotated[
            int | None, typer.Option(help=f"Port of the sandbox's pages; by default {SANDBOX_PORT}, or a free one.")
        ] = None,
        scan: Annotated[bool, typer.Option(help="Sandbox: let the phone scan the first QR code automatically.")] = True,
        responder: Annotated[
            bool, typer.Option(help="Also run the responder: it records conversations and answers by rules or a model.")
        ] = True,
        verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show the log.")] = False,
    ) -> None:
        """Run the bridge, and a broker unless WA_MQTT_URL names one. Shows the sessions; Ctrl-C stops everything."""
        run(lambda: _up(sandbox=sandbox, sandbox_port=sandbox_port, scan=scan, answering=responder, verbose=verbose))


async def _up(*, sandbox: bool, sandbox_port: int | None, scan: bool, answering: bool, verbose: bool) -> Exit:
    with imports_of_a_service():
        from rich.console import Console

        from bridge.app import Bridge
        from bridge.app.clock import SystemClock
        from bridge.cli.campaigns import broker_of
        from bridge.cli.campaigns import run_beside as run_campaigns_beside
        from bridge.cli.doubtful_settings import warn_of_settings
        from bridge.cli.http_file import base_url, http_json
        from bridge.cli.paths import SANDBOX
        from bridge.cli.responder import run_beside
        from bridge.cli.screen import Hint, Screen, ScreenLog
        from bridge.cli.signals import run_until, stop_on_signals
        from bridge.cli.startup import restrict_file_modes, start_logging
        from bridge.drivers import driver_kind
        from bridge.http.listener import address_of
        from bridge.http.log_ring import LogRing
        from bridge.settings import load

    settings, console, clock, ring = load(), Console(), SystemClock(), LogRing()
    level = settings.log_level if verbose or "WA_LOG_LEVEL" in os.environ else "WARNING"
    screen_log = ScreenLog(console)
    start_logging(level, settings.log_format, handler=screen_log, ring=ring)
    restrict_file_modes()
    with stop_on_signals() as stop:
        async with AsyncExitStack() as stack:
            hints: list[Hint] = []
            if sandbox:
                # with its own broker: a command sent here must never reach a real session
                settings = settings.model_copy(update={"data_dir": settings.data_dir / SANDBOX, "addresses": ()})
                _refuse_a_second(settings.data_dir)
                phone = _sandbox(settings.data_dir, sandbox_port, console, scan=scan)
                simulator = await stack.enter_async_context(phone)
                changes = {"web_url": simulator.url, "web_version": None, **_sandbox_pace(settings)}
                settings = settings.model_copy(update=changes)
                _step(console, "sandbox", f"the phone is at {simulator.phone_url}")
                hints.append(
                    Hint(
                        "The phone page, to write as the contact and to see received messages. Open:",
                        simulator.phone_url,
                    )
                )
            _refuse_a_second(settings.data_dir)
            private = None if settings.addresses else await _private_broker(stack, settings, console)
            addresses = settings.addresses or ((private.address,) if private else ())
            http, link = _http(settings, console, sandbox=sandbox), secrets.token_urlsafe(24)
            if http is not None:
                # printed before pairing, which the panel can do; the link expires after 15 minutes
                once = "logs you in once, within 15 minutes; `wa panel` prints another"
                _step(console, "panel", f"{address_of(http)}/#link={link} {once}")
            hints += _broker_hints(addresses[0], settings.topics, settings.sessions[0].name)
            command_key = stack.enter_context(http_json(settings.data_dir, http, web_url=settings.web_url))
            kind = driver_kind(settings.driver)
            drivers = await stack.enter_async_context(kind.open(settings, clock))
            described = kind.describe(settings)
            _step(console, "driver", described)
            panel = http is not None
            beside = _responder(settings, addresses, console, sandbox=sandbox, panel=panel) if answering else None
            secret = _secret_of_run(beside[0].secret if beside else None)
            if beside is not None:
                page = _responder_page(beside[0]).rstrip("/")
                settings = settings.model_copy(update={"responder_url": page, "responder_secret": secret})
            sending = None if http is None else _campaigns(settings, beside, console, sandbox=sandbox)
            if sending is not None:
                address = {"campaigns_url": base_url(sending.host, sending.port), "campaigns_secret": sending.secret}
                settings = settings.model_copy(update=address)
            warn_of_settings(settings, beside[0] if beside else None)
            bridge = Bridge(
                *(settings, addresses, drivers, clock),
                driver_text=described,
                login=kind.login,
                http=http,
                login_link=link,
                command_key=command_key,
                log=ring,
                broker_users=_users_of(private),
            )
            screen_log.timed = True
            async with asyncio.TaskGroup() as tasks:
                if beside is not None:
                    shared = _shared(bridge, secret, http)
                    tasks.create_task(run_beside(*beside, stop, shared), name="responder")
                if sending is not None:
                    broker = broker_of(settings, addresses)
                    tasks.create_task(run_campaigns_beside(sending, broker, stop), name="campaigns")
                screen = tasks.create_task(Screen(console, bridge.hosts, hints).run(), name="screen")
                stopping = tasks.create_task(_announce_stop(stop, console), name="announcement of the stop")
                await run_until(bridge, stop)
                screen.cancel()
                stopping.cancel()
    console.print("Stopped.")
    return Exit.OK


async def _announce_stop(stop: asyncio.Event, console: Console) -> None:
    """What is under way is ended first, which takes seconds."""
    await stop.wait()
    console.print("Stopping…")


def _responder(
    settings: BridgeSettings, addresses: tuple[BrokerAddress, ...], console: Console, *, sandbox: bool, panel: bool
) -> tuple[ResponderSettings, ResponderBroker]:
    """The responder's settings and broker. Raises WrongSettings, WrongRules.

    With a real number it starts switched off: family and friends would be answered, too. A switch that is set later
    stays over restarts.
    """
    from bridge.cli.file_upload import upload
    from responder.app import check_files
    from responder.settings import load
    from responder.transports import ResponderBroker

    own = load(data_dir=settings.data_dir)
    check_files(own)
    if own.port == 0 or sandbox:
        own = own.model_copy(update={"port": _port(own.port, "PORT", console, is_set="port" in own.model_fields_set)})
    waits = not sandbox and "active" not in own.model_fields_set
    if waits:
        own = own.model_copy(update={"active": False})
    ca_file = str(settings.mqtt_ca_file) if settings.mqtt_ca_file else None
    level = None if settings.addresses else "responder"
    broker = ResponderBroker(
        *(addresses, settings.mqtt_prefix, settings.mqtt_protocol, ca_file, level, settings.instance), upload=upload
    )
    mode = "answers by rules and a model" if own.openai_api_key else "answers by rules"
    off = "answers once that is switched on" if waits else "records only, does not answer (RESPONDER_ACTIVO is off)"
    where = "«Automatic answers» in the panel" if panel else f"conversations at {_responder_page(own)}"
    _step(console, "responder", f"{mode if own.active else off}: {where}; --no-responder disables it")
    return own, broker


def _campaigns(
    settings: BridgeSettings,
    beside: tuple[ResponderSettings, ResponderBroker] | None,
    console: Console,
    *,
    sandbox: bool,
) -> CampaignSettings:
    """The settings of the campaigns service. Raises WrongCampaignSettings."""
    from campaigns.settings import load

    own = load(data_dir=settings.data_dir)
    port, is_set = own.port, "port" in own.model_fields_set
    if port == 0 or sandbox:
        port = _port(port, "WA_CAMPAIGNS_PORT", console, is_set=is_set)
    responder = _responder_page(beside[0]).rstrip("/") if beside else None
    _step(console, "campaigns", "`wa campaign plan FILE`, and the panel")
    known = {"secret": _secret_of_run(own.secret), "responder_secret": settings.responder_secret}
    return own.model_copy(update={"port": port, "responder_url": responder, **known})


def _shared(bridge: Bridge, secret: SecretStr, http: socket.socket | None) -> ServiceCredentials:
    """The responder's callers: the bridge's keys count there, too."""
    from bridge.cli.http_file import base_url
    from bridge.http.credentials import ServiceCredentials
    from bridge.http.listener import is_loopback

    panel = None if http is None else f"{base_url(*http.getsockname()[:2])}/"
    always = http is not None and not is_loopback(http)
    return ServiceCredentials(bridge.credentials, secret.get_secret_value(), panel=panel, always=always)


def _secret_of_run(given: SecretStr | None) -> SecretStr:
    """What a service beside the bridge admits its callers by; unless it is set, only this process knows it."""
    from pydantic import SecretStr

    return given or SecretStr(secrets.token_urlsafe(32))


def _responder_page(settings: ResponderSettings) -> str:
    from bridge.cli.http_file import base_url

    return f"{base_url(settings.host, settings.port)}/"


def _refuse_a_second(data_dir: Path) -> None:
    """Raises StartError where a bridge already runs on this data directory."""
    from bridge.cli.http_file import read_http_json
    from bridge.cli.paths import LOCK, is_in_use
    from bridge.contract.errors import StartError

    if not is_in_use(data_dir):
        return
    process = (data_dir / LOCK).read_text(errors="replace").strip()
    address = read_http_json(data_dir)
    panel = f", panel {address}/ (`wa panel` prints a link that logs you in)" if address else ""
    raise StartError(f"A bridge already runs on {data_dir}/: process {process}{panel}. Stop it, or set WA_DATA_DIR.")


async def _private_broker(stack: AsyncExitStack, settings: BridgeSettings, console: Console) -> PrivateBroker:
    from bridge.ops.private_broker import private_broker

    broker = await stack.enter_async_context(private_broker(settings.data_dir, prefix=settings.mqtt_prefix))
    _step(console, "broker", f"{broker.kind} on {broker.address.host}:{broker.address.port}, private")
    if broker.warning:
        _warn(console, broker.warning)
    return broker


def _users_of(broker: PrivateBroker | None) -> BrokerUsers | None:
    """The users of this process's broker, which can be added from the panel."""
    if broker is None or broker.directory is None:
        return None
    from bridge.ops.mosquitto import BrokerDirectory
    from bridge.ops.mosquitto.private_users import PrivateBrokerUsers

    return PrivateBrokerUsers(BrokerDirectory(broker.directory))


def _sandbox(data_dir: Path, port: int | None, console: Console, *, scan: bool) -> Sandbox:
    from bridge.sandbox import Sandbox

    if port != 0:
        port = _port(port or SANDBOX_PORT, "--sandbox-port", console, is_set=port is not None)
    # a name, since browsers make no passkeys for addresses
    return Sandbox("localhost", port, state_path=data_dir / "sandbox.json", auto_scan=scan)


def _sandbox_pace(settings: BridgeSettings) -> dict[str, object]:
    """A pace without long waits, where none is set: the simulator blocks no number."""
    from bridge.contract.pace import Pace

    paces = {"pace", "pace_chat", "pace_burst", "pace_spacing", "pace_jitter", "pace_new", "new_per_day"}
    if paces & settings.model_fields_set:
        return {}
    pace = Pace.parse("5/second", burst=20)
    return {
        "pace": pace,
        "pace_chat": pace,
        "pace_spacing": 0.1,
        "pace_jitter": 0.1,
        "pace_new": Pace.parse("off", burst=1),
    }


def _http(settings: BridgeSettings, console: Console, *, sandbox: bool) -> socket.socket | None:
    """Bind the façade's address. If the default port is in use, a sandbox takes another one; a real bridge fails."""
    from bridge.http.listener import address_of, listen

    if settings.http_port is None:
        return None
    port = settings.http_port
    if port and sandbox:
        port = _port(port, "WA_HTTP_PORT", console, is_set="http_port" in settings.model_fields_set)
    listener = listen(settings.http_host, port)
    _step(console, "http", f"{address_of(listener)}, the legacy endpoints and /v1")
    return listener


def _broker_hints(address: BrokerAddress, topics: Topics, session: str) -> list[Hint]:
    from bridge.cli.screen import Hint

    common = ["-h", address.host, "-p", str(address.port)]
    if address.username:
        common += ["-u", address.username]
    if address.password:
        common += ["-P", address.password.get_secret_value()]
    receive = ["mosquitto_sub", *common, "-v", "-t", topics.inbound(session), "-t", topics.result(session)]
    send = ["mosquitto_pub", *common, "-t", topics.out(session, SANDBOX_CONTACT), "-m", "Hola"]
    return [
        Hint("Receive, in another terminal:", shlex.join(receive)),
        Hint("Send, in another terminal:", shlex.join(send)),
    ]


def _port(port: int, setting: str, console: Console, *, is_set: bool) -> int:
    from bridge.cli.ports import usable_port

    return usable_port(port, setting, lambda sentence: _warn(console, sentence), is_set=is_set)


def _warn(console: Console, sentence: str) -> None:
    console.print(f"[yellow]! {sentence}[/]", highlight=False, soft_wrap=True)


def _step(console: Console, what: str, text: str) -> None:
    console.print(f"[green]✓[/] [bold]{what:9}[/] {text}", highlight=False, soft_wrap=True)
