"""A second `wa broker init`: options that are not given keep their values, so an update does not remove a listener."""

from __future__ import annotations

import json
import os
import socket
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.ops.mosquitto import BrokerChanges, BrokerDirectory, Listeners, Tls, apply_changes
from bridge.ops.mosquitto.certificate import may_read
from tests.broker.certificates import make_certificates
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import Wa, free_listeners, mosquitto_with


def test_a_second_init_without_options_changes_nothing(tmp_path: Path, wa: Wa) -> None:
    made = make_certificates(tmp_path)
    folder = tmp_path / "broker"
    options = ["--port", str(free_port()), "--websockets", "9001", "--tls-port", "8884", "--run-as", "root"]
    options += ["--certificate", str(made.server), "--key", str(made.key), "--prefix", "a/b", "--state", str(tmp_path)]
    assert wa("init", "--dir", str(folder), *options).code == 0
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert wa("init", "--dir", str(folder)).code == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    gone = wa("init", "--dir", str(folder), "--no-tls", "--no-websockets")
    assert gone.code == 0, gone.stderr
    where = json.loads((folder / "wa.users.json").read_text())["listening"]
    assert (where["tls"], where["websockets"], where["state"]) == (None, None, str(tmp_path))
    assert "8884" not in (folder / "mosquitto.conf").read_text()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (BrokerChanges(key=Path("k")), "belong together"),
        (BrokerChanges(certificate=Path("/none"), key=Path("/none")), "is not a file"),
        (BrokerChanges(tls_port=8883), "needs --certificate"),
        (BrokerChanges(tls_port=8883, no_tls=True), "leave out its other options"),
        (BrokerChanges(websockets=9001, no_websockets=True), "contradict"),
    ],
)
def test_contradicting_options_are_refused(changes: BrokerChanges, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        apply_changes(Listeners(), changes)


def test_a_renewed_certificate_at_another_path_keeps_its_port(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    current = Listeners(tls=Tls(Path("/old.crt"), Path("/old.key"), 8884))
    assert apply_changes(current, BrokerChanges(certificate=made.server, key=made.key)).tls == Tls(
        made.server, made.key, 8884
    )
    assert apply_changes(current, BrokerChanges(tls_port=8885)).tls == Tls(Path("/old.crt"), Path("/old.key"), 8885)


def test_users_that_can_read_a_key(tmp_path: Path) -> None:
    key = tmp_path / "server.key"
    key.touch(mode=0o400)
    tmp_path.chmod(0o700)
    here = tmp_path.stat()
    assert may_read(key, here.st_uid, set())
    assert not may_read(key, here.st_uid + 1, {here.st_gid})
    key.chmod(0o444)
    assert not may_read(key, here.st_uid + 1, set()), "its folder is not accessible"
    assert may_read(Path(os.devnull).parent, here.st_uid + 1, set())


def test_unauthenticated_tls_connections_leave_room_for_other_listeners(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    where = replace(free_listeners(tmp_path / "broker"), tls=Tls(made.server, made.key, free_port()))
    target = BrokerDirectory(tmp_path / "broker")
    target.set_up("wa", where)
    text = target.configuration.read_text()
    assert "\nmax_connections 2000\n" in text
    target.configuration.write_text(text.replace("max_connections 2000", "max_connections 3"))
    assert where.tls
    with mosquitto_with(target.configuration, where.port, where.tls.port), ExitStack() as held:
        for _ in range(3):
            held.enter_context(socket.create_connection(("127.0.0.1", where.tls.port), 5))
        with socket.create_connection(("127.0.0.1", where.tls.port), 5) as more, suppress(ConnectionResetError):
            assert more.recv(1) == b"", "the connection is closed"
        with socket.create_connection(("127.0.0.1", where.port), 5) as here:
            here.sendall(bytes.fromhex("100d00044d5154540402000a000178"))  # CONNECT without a user
            assert here.recv(4) == bytes.fromhex("20020005"), "the loopback listener still answers, with a refusal"
