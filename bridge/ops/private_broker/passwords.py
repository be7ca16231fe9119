"""Mosquitto's password file format; replaces the program mosquitto_passwd."""

from __future__ import annotations

import base64
import hashlib
import secrets

ITERATIONS = 20_000  # few are enough: generated passwords have 32 random characters


def password_line(username: str, password: str, iterations: int = ITERATIONS) -> str:
    """One line with PBKDF2-HMAC-SHA512: `$7$iterations$salt$hash`, for mosquitto 2.0 and later."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"{username}:$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
