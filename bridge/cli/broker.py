"""`wa broker`: a mosquitto of one's own, set up for the bridge, its users, and the proof of what each can do."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.run import Exit

if TYPE_CHECKING:
    from bridge.broker import BrokerAddress
    from bridge.ops.mosquitto import BrokerDirectory, Role, User

Directory = Annotated[Path, typer.Option("--dir", help="The broker's configuration directory.", file_okay=False)]
Credentials = Annotated[
    Path | None,
    typer.Option(help="Keep the address with its password in USER.env there (0600) instead of printing it."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON line.")]
ETC = Path("/etc/mosquitto")

broker = typer.Typer(
    name="broker",
    help="Set up mosquitto for the bridge: configuration, users by role, and a proof.",
    no_args_is_help=True,
)
user_commands = typer.Typer(name="user", help="Add, change and remove the broker's users.", no_args_is_help=True)
broker.add_typer(user_commands)


def register(app: typer.Typer) -> None:
    app.add_typer(broker)


@broker.command()
def init(
    directory: Directory = ETC,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="On loopback, not encrypted. [1883]")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where mosquitto keeps sessions and queues. [/var/lib/mosquitto]")
    ] = None,
    pid_file: Annotated[
        Path | None, typer.Option(help="Where mosquitto writes its process id. [/run/mosquitto/mosquitto.pid]")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file: adds a TLS listener for other machines.")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key, readable by mosquitto.")] = None,
    tls_port: Annotated[int | None, typer.Option(min=1, max=65535, help="[8883]")] = None,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Take the TLS listener away.")] = False,
    websockets: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port on loopback on which `wa broker websockets` serves nginx."),
    ] = None,
    no_websockets: Annotated[bool, typer.Option("--no-websockets", help="Serve no websockets any more.")] = False,
    run_as: Annotated[str | None, typer.Option(help="The user that mosquitto changes to when root starts it.")] = None,
    prefix: Annotated[
        str | None, typer.Option(envvar="WA_MQTT_PREFIX", help="First levels of every topic. [wa]")
    ] = None,
    credentials: Credentials = None,
    json: Json = False,
) -> None:
    """Write configuration, ACL and password file, with the users bridge, responder and admin.

    Run again it keeps existing users, and every option that is not named.
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerChanges, BrokerDirectory, Role, Setup, User, changed
        from bridge.ops.mosquitto.certificate import out_of_reach

        place = BrokerDirectory(directory)
        was = place.load() if place.users.exists() else Setup()
        wanted = BrokerChanges(
            port, state, pid_file, certificate, key, tls_port, websockets, run_as, no_tls, no_websockets
        )
        listening = changed(was.listening, wanted)
        if listening.tls and (file := out_of_reach(listening.tls, listening.run_as)):
            raise ValueError(f"mosquitto does not run as root and cannot read {file}: copy it to {place.path}/certs.")
        setup = place.set_up(prefix or was.prefix, listening)
        added = [
            _put(place, User(role.value, frozenset({role})), None)
            for role in (Role.BRIDGE, Role.RESPONDER, Role.ADMIN)
            if role.value not in setup.users
        ]
        _tell(place, added, credentials, json)
        if not json:
            also = " and wa-websockets" if listening.websockets else ""
            typer.echo(f"Written to {place.path}. Restart mosquitto{also}, then: wa broker check")
        return Exit.OK

    run(command)


@user_commands.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Letters, digits, _ and -. Replies and replays come on this level.")],
    role: Annotated[
        list[str], typer.Option("--role", help="bridge, responder, reader, sender, panel or admin; repeat it.")
    ],
    session: Annotated[str | None, typer.Option(help="Only this session; all by default.")] = None,
    new_password: Annotated[bool, typer.Option(help="A new password for a user that exists.")] = False,
    password_stdin: Annotated[bool, typer.Option(help="Take the password from standard input, one line.")] = False,
    directory: Directory = ETC,
    credentials: Credentials = None,
    json: Json = False,
) -> None:
    """Add a user, or change its roles and session. The password is made here and shown once."""
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerDirectory, User

        place = BrokerDirectory(directory)
        user = User(name, frozenset(_role(one) for one in role), session)
        exists = name in place.load().users
        if exists and not (new_password or password_stdin):
            place.put_user(user, None)
            address = None
        else:
            address = _put(place, user, sys.stdin.readline().rstrip("\n") if password_stdin else None)
        await _reload(place, address)
        _tell(place, [address] if address else [], credentials, json)
        if not json:
            typer.echo(f"{user} {'changed' if exists else 'added'}.")
        return Exit.OK

    run(command)


@user_commands.command("remove")
def remove(name: Annotated[str, typer.Argument()], directory: Directory = ETC) -> None:
    """Remove a user; its connections end."""
    from bridge.cli.service import run

    async def command() -> Exit:
        from bridge.ops.mosquitto import BrokerDirectory

        place = BrokerDirectory(directory)
        place.remove_user(name)
        await _reload(place, None)
        typer.echo(f"{name} removed.")
        return Exit.OK

    run(command)


@broker.command()
def check(
    directory: Directory = ETC,
    live: Annotated[
        bool, typer.Option("--live", help="Try the running broker too, by two users that exist meanwhile.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not look at the broker that runs.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Each thing that was tried as a JSON line.")] = False,
) -> None:
    """Prove by delivery what each user can and cannot do. Exit code 0 when all is as its role says, else 1.

    Every user tries every topic on a throw-away broker with the installed files; then the running one is asked whether
    it lets strangers in. --live proves that the running one has read its files and keeps to them.
    """
    from bridge.cli.service import run

    async def command() -> Exit:
        from dataclasses import asdict
        from datetime import UTC, datetime

        from bridge.cli.run import print_json_line
        from bridge.ops.mosquitto import BrokerDirectory, prove_live, rehearse
        from bridge.ops.mosquitto.certificate import faults_of_certificate, out_of_reach, warning_of_certificate

        place = BrokerDirectory(directory)
        faults = place.faults()
        where = place.load().listening
        if (tls := where.tls) is not None:
            if unreadable := out_of_reach(tls, where.run_as):
                faults.append(f"mosquitto does not run as root and cannot read {unreadable}")
            faults += faults_of_certificate(tls, now := datetime.now(UTC))
            if warning := warning_of_certificate(tls, now):
                typer.echo(f"warning: {warning}", err=True)
        findings = await rehearse(place)
        if live:
            findings += await prove_live(place)
        wrong = [finding for finding in findings if not finding.is_right]
        faults += [f"{finding}, which its role {'grants' if finding.expected else 'forbids'}" for finding in wrong]
        if not offline:
            faults += await _faults_of_running(place)
        if json:
            for finding in findings:
                print_json_line(json_format.dumps(asdict(finding)))
        for fault in faults:
            typer.echo(f"wrong: {fault}", err=json)
        if not json:
            for user in place.load().users.values():
                tried = [finding for finding in findings if finding.user == user.name]
                right = sum(finding.is_right for finding in tried)
                typer.echo(f"{user}: {right} of {len(tried)} as its role says")
        return Exit.FAILED if faults else Exit.OK

    run(command)


async def _faults_of_running(place: BrokerDirectory) -> list[str]:
    from bridge.broker import BrokerDown
    from bridge.ops.mosquitto import refusal_of_running

    where = place.load().listening
    try:
        refused = await refusal_of_running(where.port)
    except BrokerDown as down:
        return [f"the broker does not run: {down.text}"]
    if not refused:
        return [f"the broker on port {where.port} lets strangers in: it was not restarted, or is another one"]
    try:
        if where.websockets:
            await refusal_of_running(where.websockets, websockets=True)
    except BrokerDown as down:
        return [f"websockets are not served: systemctl enable --now wa-websockets ({down.text})"]
    return []


def _role(name: str) -> Role:
    from bridge.ops.mosquitto import Role

    try:
        return Role(name)
    except ValueError:
        raise ValueError(f"There is no role {name!r}: choose from {', '.join(Role)}.") from None


def _put(place: BrokerDirectory, user: User, given: str | None) -> BrokerAddress:
    import secrets

    from pydantic import SecretStr

    from bridge.broker import BrokerAddress

    if given is not None and len(given) < 12:
        raise ValueError("The password must have at least 12 characters.")
    password = given or secrets.token_urlsafe(24)
    place.put_user(user, password)
    return BrokerAddress("mqtt", "127.0.0.1", place.load().listening.port, user.name, SecretStr(password))


async def _reload(place: BrokerDirectory, address: BrokerAddress | None) -> None:
    """Tell the running broker, and see a new user let in; a broker that does not run is told of, and no failure."""
    from bridge.ops.mosquitto import NotReloaded, let_in, reload_broker

    try:
        reload_broker(place.load().listening.pid_file)
    except NotReloaded as error:
        typer.echo(f"note: {error.text}", err=True)
    else:
        if address is not None:
            await let_in(address.port, *address.credentials)


def _tell(place: BrokerDirectory, added: list[BrokerAddress], credentials: Path | None, json: bool) -> None:
    from bridge.ops.private_broker.address_file import write_private

    for address in added:
        name = address.username or ""
        if credentials is not None:
            credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(credentials / f"{name}.env", f"WA_MQTT_URL={address.reveal()}\n")
        elif not json:
            typer.echo(f"{name}: {address.reveal()}   (shown only now)")
    if json:
        users = [{"user": one.username, **({} if credentials else {"url": one.reveal()})} for one in added]
        typer.echo(json_format.dumps({"dir": str(place.path), "added": users}))
