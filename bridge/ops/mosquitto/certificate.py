"""The certificate of the broker's TLS listener: its validity, and the permissions of its key."""

from __future__ import annotations

import os
import pwd
import stat
from datetime import datetime, timedelta
from pathlib import Path

from bridge.ops.mosquitto.configuration import Tls

#: Remaining validity below which each check warns: a working renewal happens earlier.
EXPIRY_WARNING = timedelta(days=30)


def certificate_faults(tls: Tls, now: datetime) -> list[str]:
    """Why the certificate is unusable, or its key readable by others; one sentence each."""
    try:
        begins, ends = _validity(tls.certificate)
    except (OSError, ValueError) as error:
        return [f"{tls.certificate} cannot be read as a certificate: {error}"]
    found = []
    if now < begins:
        found.append(f"{tls.certificate} is not valid before {begins:%Y-%m-%d}: check this machine's clock")
    if now >= ends:
        found.append(f"{tls.certificate} expired on {ends:%Y-%m-%d}: renew it, then systemctl reload mosquitto")
    try:
        if stat.S_IMODE(tls.key.stat().st_mode) & 0o007:
            found.append(f"{tls.key} can be read by every user: chmod 640 {tls.key}, for root and mosquitto's group")
    except OSError as error:
        found.append(f"{tls.key} cannot be read: {error.strerror}")
    return found


def certificate_warning(tls: Tls, now: datetime) -> str | None:
    """A warning if the certificate is valid but expires soon."""
    try:
        _, ends = _validity(tls.certificate)
    except (OSError, ValueError):
        return None
    remaining = ends - now
    if not timedelta(0) < remaining <= EXPIRY_WARNING:
        return None
    return (
        f"{tls.certificate} expires in {remaining.days} days, on {ends:%Y-%m-%d}: its automatic renewal does not work"
    )


def unreadable_file(tls: Tls, run_as: str | None) -> Path | None:
    """The file that mosquitto's user cannot read, for example in certbot's folders: the broker would not start.

    None if both are readable, or if this process is not root and cannot see every folder.
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
    """Whether the modes of file and parent folders let a user read it."""

    def has(path: Path, right: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
        return bool(status.st_mode >> shift & right)

    return has(file, os.R_OK) and all(has(folder, os.X_OK) for folder in file.parents)


def _validity(certificate: Path) -> tuple[datetime, datetime]:
    from cryptography import x509

    first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return first.not_valid_before_utc, first.not_valid_after_utc
