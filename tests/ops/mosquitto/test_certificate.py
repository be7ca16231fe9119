"""`wa broker check` tells of a certificate in time, and of a key that is none of everybody's business."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.ops.mosquitto import BrokerDirectory, Tls
from bridge.ops.mosquitto.certificate import faults_of_certificate, warning_of_certificate
from tests.broker.certificates import make_certificates
from tests.ops.mosquitto.conftest import Wa, listening


def test_from_too_early_to_too_late(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)  # valid for a day
    tls, now = Tls(made.server, made.key), datetime.now(UTC)
    assert faults_of_certificate(tls, now) == []
    assert "expires in 0 days" in str(warning_of_certificate(tls, now))
    assert "expires in 29 days" in str(warning_of_certificate(tls, now - timedelta(days=29)))
    assert warning_of_certificate(tls, now - timedelta(days=31)) is None
    [late] = faults_of_certificate(tls, now + timedelta(days=2))
    assert "expired on" in late
    [early] = faults_of_certificate(tls, now - timedelta(days=1))
    assert "clock" in early
    made.key.chmod(0o644)
    [readable] = faults_of_certificate(tls, now)
    assert "chmod 640" in readable
    made.server.write_text("no certificate")
    [unreadable] = faults_of_certificate(tls, now)
    assert "cannot be read as a certificate" in unreadable
    assert warning_of_certificate(tls, now) is None


def test_the_command_warns_and_still_passes(tmp_path: Path, wa: Wa) -> None:
    made = make_certificates(tmp_path)
    place = BrokerDirectory(tmp_path / "broker")
    place.set_up("wa", replace(listening(place.path), tls=Tls(made.server, made.key)))
    checked = wa("check", "--dir", str(place.path), "--offline")
    assert (checked.code, "warning: " in checked.stderr) == (0, True), checked
    made.server.unlink()
    checked = wa("check", "--dir", str(place.path), "--offline")
    assert (checked.code, "wrong: " in checked.stdout) == (1, True), checked
