"""`wa broker check` warns before a certificate expires, and reports a key that others can read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.ops.mosquitto import BrokerDirectory, Tls
from bridge.ops.mosquitto.certificate import certificate_faults, certificate_warning
from tests.broker.certificates import make_certificates
from tests.ops.mosquitto.conftest import Wa, free_listeners


def test_certificate_from_not_yet_valid_to_expired(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)  # valid for a day
    tls, now = Tls(made.server, made.key), datetime.now(UTC)
    assert certificate_faults(tls, now) == []
    assert "expires in 0 days" in str(certificate_warning(tls, now))
    assert "expires in 29 days" in str(certificate_warning(tls, now - timedelta(days=29)))
    assert certificate_warning(tls, now - timedelta(days=31)) is None
    [late] = certificate_faults(tls, now + timedelta(days=2))
    assert "expired on" in late
    [early] = certificate_faults(tls, now - timedelta(days=1))
    assert "clock" in early
    made.key.chmod(0o644)
    [readable] = certificate_faults(tls, now)
    assert "chmod 640" in readable
    made.server.write_text("no certificate")
    [unreadable] = certificate_faults(tls, now)
    assert "cannot be read as a certificate" in unreadable
    assert certificate_warning(tls, now) is None


def test_the_command_warns_and_still_passes(tmp_path: Path, wa: Wa) -> None:
    made = make_certificates(tmp_path)
    target = BrokerDirectory(tmp_path / "broker")
    target.set_up("wa", replace(free_listeners(target.path), tls=Tls(made.server, made.key)))
    checked = wa("check", "--dir", str(target.path), "--offline")
    assert (checked.code, "warning: " in checked.stderr) == (0, True), checked
    made.server.unlink()
    checked = wa("check", "--dir", str(target.path), "--offline")
    assert (checked.code, "wrong: " in checked.stdout) == (1, True), checked
