"""`wa broker` as an operator uses it, with a mosquitto that is reloaded while clients are connected."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import ssl
import stat
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.broker import BrokerOptions, BrokerRefused, connect, parse_addresses
from bridge.ops.mosquitto import BrokerDirectory, Role, Tls, User, reload_broker
from bridge.ops.mosquitto.directory import SHIPPED
from bridge.ops.mosquitto.running_broker import running_broker
from tests.broker.certificates import make_certificates
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import CommandResult, Wa, free_listeners, mosquitto_with


def options(url: str) -> BrokerOptions:
    return BrokerOptions(parse_addresses(url), client_id="", clean=True, connect_timeout=5)


def tls_version(port: int, newest: ssl.TLSVersion) -> str | None:
    """The TLS version that the broker accepts from a client whose newest one is `newest`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # otherwise the local OpenSSL refuses old versions before the broker does
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, newest
    with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as encrypted:
        return encrypted.version()


class Running:
    """A broker directory and its running mosquitto."""

    def __init__(self, folder: Path, wa: Wa) -> None:
        self.folder = folder
        self.wa = wa
        where = free_listeners(folder)
        made = wa(
            "init",
            "--dir",
            str(folder),
            "--port",
            str(where.port),
            "--state",
            str(where.state),
            "--pid-file",
            str(where.pid_file),
            *(["--run-as", where.run_as] if where.run_as else []),
            "--json",
        )
        assert made.code == 0, made.stderr
        self.urls = {user["user"]: user["url"] for user in json.loads(made.stdout)["added"]}
        self.port = where.port

    async def change(self, *arguments: str) -> CommandResult:
        """In a thread: the command runs its own event loop."""
        return await asyncio.to_thread(self.wa, "user", *arguments, "--dir", str(self.folder))


@pytest.fixture
def running(tmp_path: Path, wa: Wa) -> Iterator[Running]:
    broker = Running(tmp_path / "broker", wa)
    with mosquitto_with(broker.folder / "mosquitto.conf", broker.port):
        yield broker


def test_init_writes_private_files_and_a_second_run_keeps_the_users(tmp_path: Path, wa: Wa) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    (folder / "mosquitto.conf").write_text("listener 1883\n")
    first = wa("init", "--dir", str(folder))
    assert first.code == 0, first.stderr
    assert first.stdout.count("shown only once") == 4
    assert (folder / "mosquitto.conf.before-wa").read_text() == "listener 1883\n"
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("wa.acl", "wa.passwords")} == {0o600}
    hashes = (folder / "wa.passwords").read_text()
    again = wa("init", "--dir", str(folder), "--port", "1884")
    assert "shown only once" not in again.stdout
    assert (folder / "wa.passwords").read_text() == hashes
    assert "listener 1884 127.0.0.1" in (folder / "mosquitto.conf").read_text()
    assert (folder / "mosquitto.conf.before-wa").read_text() == "listener 1883\n"


async def test_a_user_is_added_changed_and_removed_while_the_broker_runs(running: Running) -> None:
    added = await running.change("add", "dash", "--role", "reader", "--session", "haby", "--json")
    assert added.code == 0, added.stderr
    url = json.loads(added.stdout)["added"][0]["url"]
    async with connect(options(running.urls["bridge"])) as bridge:
        async with connect(options(url)) as dash:
            await dash.subscribe("wa/haby/in", "wa/haby/qr")
            await bridge.publish("wa/haby/in", "one")
            arriving = dash.deliveries()
            async with asyncio.timeout(10):
                assert (await anext(arriving)).payload == b"one"
            # another role with the same password: the connection stays and the new rules apply
            assert (await running.change("add", "dash", "--role", "panel")).code == 0
            await dash.subscribe(
                "wa/haby/status"
            )  # mosquitto 2 keeps a client's rules until its next SUBSCRIBE or PUBLISH
            await bridge.publish("wa/haby/in", "two")
            await bridge.publish("wa/haby/qr", "code")
            async with asyncio.timeout(10):
                assert (await anext(arriving)).payload == b"code"
            assert (await running.change("remove", "dash")).code == 0
            with pytest.raises(Exception, match="ended"):
                async with asyncio.timeout(10):
                    await dash.down()
        await bridge.publish("wa/haby/in", "three")  # other users stay connected
        with pytest.raises(BrokerRefused):
            async with connect(options(url)):
                pass


def test_check_accepts_the_files_of_init_and_reports_faults(running: Running) -> None:
    good = running.wa("check", "--dir", str(running.folder))
    assert good.code == 0, good.stdout + good.stderr
    assert re.search(r"(?m)^admin \(admin, all sessions\): (\d+) of \1 as", good.stdout)
    acl = running.folder / "wa.acl"
    acl.write_text(acl.read_text().replace("topic write wa/+/control\n", ""))
    acl.chmod(0o644)
    bad = running.wa("check", "--dir", str(running.folder))
    assert bad.code == 1
    assert "admin cannot publish to wa/check/control, which its role grants" in bad.stdout
    assert "chmod 600" in bad.stdout


def test_a_running_broker_with_other_files_is_detected(running: Running) -> None:
    good = running.wa("check", "--live", "--json", "--dir", str(running.folder))
    assert good.code == 0, good.stdout + good.stderr
    live = [found for found in map(json.loads, good.stdout.splitlines()) if found["user"].startswith("wa-check-")]
    assert len(live) == 96
    assert {found["topic"].split("/")[1] for found in live if found["found"]} == {live[0]["user"].replace("wa-", "")}
    assert "wa-check" not in (running.folder / "wa.acl").read_text() + (running.folder / "wa.passwords").read_text()
    # the same broker, checked against a directory that it does not use
    other = BrokerDirectory(running.folder.with_name("other"))
    other.set_up("wa", BrokerDirectory(running.folder).load().listeners)
    found = running.wa("check", "--live", "--dir", str(other.path))
    assert (found.code, "does not know wa-check-" in found.stderr) == (1, True)


def test_a_broker_that_accepts_anonymous_clients_is_reported(tmp_path: Path, wa: Wa) -> None:
    port = free_port()
    assert wa("init", "--dir", str(tmp_path / "b"), "--port", str(port)).code == 0
    down = wa("check", "--dir", str(tmp_path / "b"))
    assert (down.code, "is not running" in down.stdout) == (1, True)
    (tmp_path / "open.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with mosquitto_with(tmp_path / "open.conf", port):
        found = wa("check", "--dir", str(tmp_path / "b"))
    assert found.code == 1
    assert "accepts anonymous clients" in found.stdout


def test_credentials_are_written_to_files_and_not_printed(tmp_path: Path, wa: Wa) -> None:
    kept = tmp_path / "credentials"
    made = wa("init", "--dir", str(tmp_path / "b"), "--credentials", str(kept))
    assert "mqtt://" not in made.stdout
    assert sorted(file.name for file in kept.iterdir()) == ["admin.env", "bridge.env", "campaigns.env", "responder.env"]
    assert (kept / "bridge.env").read_text().startswith("WA_MQTT_URL=mqtt://bridge:")
    assert stat.S_IMODE((kept / "bridge.env").stat().st_mode) == 0o600
    chosen = wa(
        "user",
        "add",
        "dash",
        "--role",
        "reader",
        "--dir",
        str(tmp_path / "b"),
        "--password-stdin",
        "--json",
        given="a long enough one\n",
    )
    assert json.loads(chosen.stdout)["added"][0]["url"].startswith("mqtt://dash:a%20long%20enough%20one@")
    assert "No mosquitto is running" in chosen.stderr
    lines = (tmp_path / "b/wa.passwords").read_text().splitlines()
    iterations = {line.partition(":")[0]: int(line.split("$")[2]) for line in lines}
    # those of a random password only cost the broker time at each log-in
    assert iterations == {"admin": 101, "bridge": 101, "campaigns": 101, "responder": 101, "dash": 20_000}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["user", "add", "dash", "--role", "king"], "No role 'king'"),
        (["user", "add", "da/sh", "--role", "reader"], "user name"),
        (["user", "add", "dash", "--role", "reader", "--password-stdin"], "12 characters"),
        (["user", "remove", "unknown"], "no user 'unknown'"),
        (["init", "--key", "x"], "belong together"),
        (["init", "--key", "x", "--certificate", "y"], "is not a file"),
        (["init", "--prefix", "a.b"], "topic prefix"),
    ],
)
def test_invalid_arguments_are_refused_in_a_sentence(
    tmp_path: Path, wa: Wa, arguments: list[str], expected: str
) -> None:
    assert wa("init", "--dir", str(tmp_path / "b")).code == 0
    before = (tmp_path / "b/wa.users.json").read_bytes()
    refused = wa(*arguments, "--dir", str(tmp_path / "b"), given="short\n")
    assert refused.code == 2
    assert expected in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (tmp_path / "b/wa.users.json").read_bytes() == before


def test_users_added_concurrently_are_all_saved(directory: BrokerDirectory) -> None:
    names = [f"user{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: directory.put_user(User(name, frozenset({Role.READER})), "long-enough-here"), names))
    assert set(directory.load().users) == set(names)
    assert directory.faults() == []


def test_a_missing_or_damaged_setup_is_reported(tmp_path: Path, wa: Wa) -> None:
    empty = wa("check", "--dir", str(tmp_path / "none"))
    assert (empty.code, "wa broker init" in empty.stderr) == (1, True)
    assert wa("init", "--dir", str(tmp_path / "b")).code == 0
    (tmp_path / "b/wa.users.json").write_text('{"v": 2}')
    damaged = wa("user", "add", "x", "--role", "reader", "--dir", str(tmp_path / "b"))
    assert (damaged.code, "cannot be read" in damaged.stderr) == (1, True)


def test_a_pid_of_another_program_is_not_signalled(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("1\n")
    assert running_broker(tmp_path / "pid") is None
    assert running_broker(tmp_path / "none") is None


def test_the_shipped_configuration_is_in_the_package() -> None:
    assert "allow_anonymous false" in SHIPPED.read_text()
    assert BrokerDirectory(Path("x")).path.is_absolute()


async def test_a_renewed_certificate_is_read_at_reload_and_clients_stay(tmp_path: Path) -> None:
    first, second = make_certificates(tmp_path / "first"), make_certificates(tmp_path / "second")
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    shutil.copy(first.server, certificate)
    shutil.copy(first.key, key)
    where = replace(free_listeners(tmp_path / "broker"), tls=Tls(certificate, key, free_port()))
    target = BrokerDirectory(tmp_path / "broker")
    target.set_up("wa", where)
    target.put_user(User("dash", frozenset({Role.BRIDGE})), "long-enough-here")
    assert where.tls
    with mosquitto_with(target.configuration, where.tls.port):
        url = f"mqtts://dash:long-enough-here@127.0.0.1:{where.tls.port}"
        old = replace(options(url), ca_file=str(first.authority))
        new = replace(options(url), ca_file=str(second.authority), client_id="fresh")
        async with connect(old) as connected:
            await connected.subscribe("wa/haby/in")
            shutil.copy(second.server, certificate)
            shutil.copy(second.key, key)
            reload_broker(where.pid_file)
            async with asyncio.timeout(10):
                while True:
                    try:
                        async with connect(new) as fresh:
                            await fresh.publish("wa/haby/in", "renewed")
                            break
                    except BrokerRefused:  # still the old certificate, until the signal is handled
                        await asyncio.sleep(0.02)
                assert (await anext(connected.deliveries())).payload == b"renewed"
                assert await asyncio.to_thread(tls_version, where.tls.port, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
                with pytest.raises(ssl.SSLError, match=r"(?i)protocol version"):
                    await asyncio.to_thread(tls_version, where.tls.port, ssl.TLSVersion.TLSv1_1)
        with pytest.raises(BrokerRefused):
            async with connect(old):
                pass
