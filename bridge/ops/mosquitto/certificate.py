"""The certificate of the broker's TLS listener: whether it is valid, for how long, and whether its key is private."""

from __future__ import annotations

import os
import pwd
import stat
from datetime import datetime, timedelta
from pathlib import Path

from bridge.ops.mosquitto.configuration import Tls

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


def out_of_reach(tls: Tls, run_as: str | None) -> Path | None:
    """The file that mosquitto's user cannot read, as in the folders of certbot: the broker would not start.

    None where there is none, and where nobody can tell: only root sees every folder.
    """
    try:
        user = pwd.getpwnam(run_as or "mosquitto")
    except KeyError:
        return None
    if os.geteuid() != 0 or user.pw_uid == 0:
        return None
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    files = (tls.certificate, tls.key)
    return next((file for file in files if file.exists() and not may_read(file.resolve(), user.pw_uid, groups)), None)


def may_read(file: Path, uid: int, groups: set[int]) -> bool:
    """Whether rights let a user come to a file and read it."""

    def has(path: Path, right: int) -> bool:
        found = path.stat()
        shift = 6 if found.st_uid == uid else 3 if found.st_gid in groups else 0
        return bool(found.st_mode >> shift & right)

    return has(file, os.R_OK) and all(has(folder, os.X_OK) for folder in file.parents)


def _validity(certificate: Path) -> tuple[datetime, datetime]:
    from cryptography import x509

    first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return first.not_valid_before_utc, first.not_valid_after_utc
