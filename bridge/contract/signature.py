"""The signature of a post to a webhook. Pure."""

from __future__ import annotations

import hashlib
import hmac

SIGNATURE_HEADER = "X-Hub-Signature-256"


def signature(secret: str, body: bytes) -> str:
    """The value of the header: the receiver computes the same over the raw body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """Whether `given` is the signature of `body`."""
    return hmac.compare_digest(signature(secret, body).encode(), given.encode("utf-8", "surrogateescape"))
