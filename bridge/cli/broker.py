"""`wa broker`: sets up your own mosquitto for the bridge, manages its users, checks what each user can do.

`wa broker websockets` is a service of its own beside mosquitto: MQTT over websockets, for nginx.
"""

from __future__ import annotations

import json as json_format
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import Exit, print_json_line, run

if TYPE_CHECKING:
    from bridge.broker import BrokerAddress
    from bridge.ops.mosquitto import BrokerDirectory, Role, User

Directory = Annotated[Path, typer.Option("--dir", help="The broker's configuration directory.", file_okay=False)]
Credentials = Annotated[
    Path | None,
    typer.Option(help="Write each address with its password to USER.env in this folder (0600) instead of printing it."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON line.")]
ETC = Path("/etc/mosquitto")
_log = logging.getLogger(__name__)

broker = typer.Typer(
    name="broker",
    help="Set up mosquitto for the bridge: configuration, users by role, access check.",
    no_args_is_help=True,
)
user_commands = typer.Typer(name="user", help="Add, change and remove the broker's users.", no_args_is_help=True)
broker.add_typer(user_commands)


def register(app: typer.Typer) -> None:
    app.add_typer(broker)


@broker.command()
def init(
    directory: Directory = ETC,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Plain MQTT port, on loopback. [1883]")] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder of its sessions and queues. Default: /var/lib/mosquitto."),
    ] = None,
    pid_file: Annotated[
        Path | None,
        typer.Option(help="File of its process id. Default: /run/mosquitto/mosquitto.pid."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file: adds a TLS listener for other machines.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key, readable by mosquitto.")] = None,
    tls_port: Annotated[int | None, typer.Option(min=1, max=65535, help="[8883]")] = None,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Remove the TLS listener.")] = False,
    websockets: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Loopback port of `wa broker websockets`, for nginx."),
    ] = None,
    no_websockets: Annotated[bool, typer.Option("--no-websockets", help="Stop serving websockets.")] = False,
    run_as: Annotated[str | None, typer.Option(help="User that mosquitto switches to when root starts it.")] = None,
    prefix: Annotated[
        str | None, typer.Option(envvar="WA_MQTT_PREFIX", help="First levels of every topic. [wa]")
    ] = None,
    credentials: Credentials = None,
    json: Json = False,
) -> None:
    """Write configuration, ACL and password file, with the users bridge, responder, campaigns and admin.

    A later run keeps the users and every option that is not given.
    """

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerChanges, BrokerDirectory, BrokerSetup, Role, User, apply_changes
        from bridge.ops.mosquitto.certificate import unreadable_file

        target = BrokerDirectory(directory)
        current = target.load() if target.users.exists() else BrokerSetup()
        changes = BrokerChanges(
            port, state, pid_file, certificate, key, tls_port, websockets, run_as, no_tls, no_websockets
        )
        listeners = apply_changes(current.listeners, changes)
        if listeners.tls and (file := unreadable_file(listeners.tls, listeners.run_as)):
            raise ValueError(f"mosquitto does not run as root and cannot read {file}: copy it to {target.path}/certs.")
        setup = target.set_up(prefix or current.prefix, listeners)
        added = [
            _put_user(target, User(role.value, frozenset({role})), None)
            for role in (Role.BRIDGE, Role.RESPONDER, Role.CAMPAIGNS, Role.ADMIN)
            if role.value not in setup.users
        ]
        _print_added(target, added, credentials, json)
        if not json:
            also = " and wa-websockets" if listeners.websockets else ""
            typer.echo(f"Written to {target.path}. Restart mosquitto{also}, then run: wa broker check")
        return Exit.OK

    run(command)


@user_commands.command("add")
def add(
    name: Annotated[
        str, typer.Argument(help="Letters, digits, _ and -. Also the topic level of its replies and replays.")
    ],
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            help="bridge, responder, campaigns, reader, sender, requester, panel, homeassistant or admin; repeatable.",
        ),
    ],
    session: Annotated[str | None, typer.Option(help="Only this session; all by default.")] = None,
    new_password: Annotated[bool, typer.Option(help="Generate a new password for an existing user.")] = False,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input, one line.")] = False,
    directory: Directory = ETC,
    credentials: Credentials = None,
    json: Json = False,
) -> None:
    """Add a user, or change its roles and session. The generated password is shown once."""

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerDirectory, User

        target = BrokerDirectory(directory)
        user = User(name, frozenset(_parse_role(one) for one in role), session)
        exists = name in target.load().users
        if exists and not (new_password or password_stdin):
            target.put_user(user, None)
            address = None
        else:
            address = _put_user(target, user, sys.stdin.readline().rstrip("\n") if password_stdin else None)
        await _reload(target, address)
        _print_added(target, [address] if address else [], credentials, json)
        if not json:
            typer.echo(f"{user} {'changed' if exists else 'added'}.")
        return Exit.OK

    run(command)


@user_commands.command("remove")
def remove(name: Annotated[str, typer.Argument()], directory: Directory = ETC) -> None:
    """Remove a user and close its connections."""

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerDirectory

        target = BrokerDirectory(directory)
        target.remove_user(name)
        await _reload(target, None)
        typer.echo(f"{name} removed.")
        return Exit.OK

    run(command)


@broker.command()
def check(
    directory: Directory = ETC,
    live: Annotated[
        bool, typer.Option("--live", help="Also check the running broker, with two temporary users.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not contact the running broker.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON line per tested permission.")] = False,
) -> None:
    """Check by delivery what each user can and cannot do. Exit code 0 if every role is enforced, else 1.

    Every user tries every topic on a temporary broker with the installed files; then the running broker is checked for
    anonymous access. --live also checks that the running broker has loaded its files and enforces them.
    """

    async def command() -> Exit:
        from dataclasses import asdict
        from datetime import UTC, datetime

        from bridge.ops.mosquitto import BrokerDirectory, check_on_scratch_broker, check_running_broker
        from bridge.ops.mosquitto.certificate import certificate_faults, certificate_warning, unreadable_file

        target = BrokerDirectory(directory)
        faults = target.faults()
        listeners = target.load().listeners
        if (tls := listeners.tls) is not None:
            if unreadable := unreadable_file(tls, listeners.run_as):
                faults.append(f"mosquitto does not run as root and cannot read {unreadable}")
            faults += certificate_faults(tls, now := datetime.now(UTC))
            if warning := certificate_warning(tls, now):
                typer.echo(f"warning: {warning}", err=True)
        findings = await check_on_scratch_broker(target)
        if live:
            findings += await check_running_broker(target)
        wrong = [finding for finding in findings if not finding.is_expected]
        faults += [f"{finding}, which its role {'grants' if finding.expected else 'forbids'}" for finding in wrong]
        if not offline:
            faults += await _running_broker_faults(target)
        if json:
            for finding in findings:
                print_json_line(json_format.dumps(asdict(finding)))
        for fault in faults:
            typer.echo(f"wrong: {fault}", err=json)
        if not json:
            for user in target.load().users.values():
                tested = [finding for finding in findings if finding.user == user.name]
                passed = sum(finding.is_expected for finding in tested)
                typer.echo(f"{user}: {passed} of {len(tested)} as its role defines")
        return Exit.FAILED if faults else Exit.OK

    run(command)


@broker.command()
def websockets(directory: Directory = ETC) -> None:
    """Serve MQTT over websockets on the port set by `wa broker init --websockets PORT`, until a signal.

    Relays to mosquitto's plain listener, which applies its limits, users and ACL. Does not need the bridge.
    """
    run(lambda: _serve_websockets(directory))


async def _serve_websockets(directory: Path) -> Exit:
    import os

    from bridge.cli.signals import stop_on_signals
    from bridge.cli.startup import start_logging
    from bridge.cli.systemd import notify_systemd
    from bridge.ops.mosquitto import BrokerDirectory, NotSetUp
    from bridge.ops.websocket_relay import serve_relay

    start_logging("INFO", os.environ.get("WA_LOG_FORMAT", "text"))
    listeners = BrokerDirectory(directory).load().listeners
    if listeners.websockets is None:
        raise NotSetUp("No websocket port is configured; run: wa broker init --websockets 9001")
    with stop_on_signals() as stop:
        async with serve_relay(listeners.websockets, listeners.port), notify_systemd():
            _log.info("MQTT over websockets: port %d, relayed to port %d.", listeners.websockets, listeners.port)
            await stop.wait()
    return Exit.OK


async def _running_broker_faults(target: BrokerDirectory) -> list[str]:
    from bridge.broker import BrokerDown
    from bridge.ops.mosquitto import connect_refusal

    listeners = target.load().listeners
    try:
        refusal = await connect_refusal(listeners.port)
    except BrokerDown as down:
        return [f"the broker is not running: {down.text}"]
    if not refusal:
        return [f"the broker on port {listeners.port} accepts anonymous clients: restart it, or it is another broker"]
    try:
        if listeners.websockets:
            await connect_refusal(listeners.websockets, websockets=True)
    except BrokerDown as down:
        return [f"websockets are not served: systemctl enable --now wa-websockets ({down.text})"]
    return []


def _parse_role(name: str) -> Role:
    from bridge.ops.mosquitto import Role

    try:
        return Role(name)
    except ValueError:
        raise ValueError(f"No role {name!r}: choose from {', '.join(Role)}.") from None


def _put_user(target: BrokerDirectory, user: User, given: str | None) -> BrokerAddress:
    import secrets

    from pydantic import SecretStr

    from bridge.broker import BrokerAddress

    if given is not None and len(given) < 12:
        raise ValueError("The password must have at least 12 characters.")
    password = given or secrets.token_urlsafe(24)
    target.put_user(user, password, chosen=given is not None)
    return BrokerAddress("mqtt", "127.0.0.1", target.load().listeners.port, user.name, SecretStr(password))


async def _reload(target: BrokerDirectory, address: BrokerAddress | None) -> None:
    """Reload the running broker and wait until it accepts the new user. No running broker is only a note."""
    from bridge.ops.mosquitto import NotReloaded, reload_broker, wait_until_accepted

    try:
        reload_broker(target.load().listeners.pid_file)
    except NotReloaded as error:
        typer.echo(f"note: {error.text}", err=True)
    else:
        if address is not None:
            await wait_until_accepted(address.port, *address.credentials)


def _print_added(target: BrokerDirectory, added: list[BrokerAddress], credentials: Path | None, json: bool) -> None:
    from bridge.ops.private_broker.address_file import write_private

    for address in added:
        name = address.username or ""
        if credentials is not None:
            credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(credentials / f"{name}.env", f"WA_MQTT_URL={address.reveal()}\n")
        elif not json:
            typer.echo(f"{name}: {address.reveal()}   (shown only once)")
    if json:
        users = [{"user": one.username, **({} if credentials else {"url": one.reveal()})} for one in added]
        typer.echo(json_format.dumps({"dir": str(target.path), "added": users}))
