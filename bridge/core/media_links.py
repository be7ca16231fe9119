"""Signed links to files: who has one needs no key, until it expires. Pure.

A link names the session that has the file, so that it ends with the message there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

#: Seconds that a link works.
LIFETIME = 7 * 24 * 3600
_EXPIRES, _SESSION, _SIGNATURE = "expires", "session", "signature"


@dataclass(frozen=True, slots=True)
class MediaLinks:
    """`base` is the address under which callers reach the bridge, without a trailing slash; None = there is no HTTP."""

    base: str | None
    secret: bytes

    def link(self, sha256: str, session: str, now: float) -> str | None:
        """A link that works for `LIFETIME` seconds from `now` (unix seconds)."""
        if self.base is None:
            return None
        expires = str(int(now) + LIFETIME)
        query = {_SESSION: session, _EXPIRES: expires, _SIGNATURE: self._sign(sha256, session, expires)}
        return f"{self.base}/v1/media/{quote(sha256)}?{urlencode(query)}"

    def session_of(self, sha256: str, query: Mapping[str, str], now: float) -> str | None:
        """The session whose link this is, or None if it is not valid any more, or never was."""
        session, expires = query.get(_SESSION, ""), query.get(_EXPIRES, "")
        signature = self._sign(sha256, session, expires)
        if not hmac.compare_digest(signature.encode(), query.get(_SIGNATURE, "").encode("utf-8", "replace")):
            return None
        return session if int(expires) > now else None

    def _sign(self, sha256: str, session: str, expires: str) -> str:
        signed = f"{sha256}\n{session}\n{expires}".encode("utf-8", "replace")
        return hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
