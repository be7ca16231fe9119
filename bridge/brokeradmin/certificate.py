"""The certificate of the broker's TLS listener: whether it is valid, for how long, and whether its key is private."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path

from .configuration import Tls

#: From here on it is told every day: a renewal that works has long happened by then.
SOON = timedelta(days=30)


def faults_of_certificate(tls: Tls, now: datetime) -> list[str]:
    """What makes it of no use, or its key known to others, one sentence each."""
    try:
        begins, ends = _validity(tls.certificate)
    except (OSError, ValueError) as error:
        return [f"{tls.certificate} cannot be read as a certificate: {error}"]
    found = []
    if now < begins:
        found.append(f"{tls.certificate} is valid from {begins:%Y-%m-%d} on only: look at this machine's clock")
    if now >= ends:
        found.append(f"{tls.certificate} expired on {ends:%Y-%m-%d}: renew it, then systemctl reload mosquitto")
    try:
        if stat.S_IMODE(tls.key.stat().st_mode) & 0o007:
            found.append(f"{tls.key} can be read by everybody: chmod 640 {tls.key}, for root and mosquitto's group")
    except OSError as error:
        found.append(f"{tls.key} cannot be read: {error.strerror}")
    return found


def warning_of_certificate(tls: Tls, now: datetime) -> str | None:
    """That it expires soon, while it is still valid."""
    try:
        _, ends = _validity(tls.certificate)
    except (OSError, ValueError):
        return None
    left = ends - now
    if not timedelta(0) < left <= SOON:
        return None
    return f"{tls.certificate} expires in {left.days} days, on {ends:%Y-%m-%d}: its renewal does not work"


def _validity(certificate: Path) -> tuple[datetime, datetime]:
    from cryptography import x509

    first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return first.not_valid_before_utc, first.not_valid_after_utc
