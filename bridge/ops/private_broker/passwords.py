"""Mosquitto's password file format; replaces the program mosquitto_passwd."""

from __future__ import annotations

import base64
import hashlib
import secrets

#: As mosquitto_passwd. The 192 random bits of a generated password cannot be searched, and mosquitto, one thread, needs
#: 0.15 ms of CPU for each log-in, also with a wrong password; with 20,000 iterations 8 ms (measured).
GENERATED = 101
#: For a password that a person chose, which can be guessed from a stolen file.
CHOSEN = 20_000


def password_line(username: str, password: str, iterations: int = GENERATED) -> str:
    """One line with PBKDF2-HMAC-SHA512: `$7$iterations$salt$hash`, for mosquitto 2.0 and later."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"{username}:$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
