"""Answers to a passkey request that look right; only WhatsApp could find that no passkey made them."""

from __future__ import annotations

import base64
import json
from typing import Any

OPTIONS = {"challenge": "Y2hhbGxlbmdl", "rpId": "whatsapp.com"}
SITE = "https://web.whatsapp.com"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def answer(**client: Any) -> dict[str, Any]:
    known = {"type": "webauthn.get", "challenge": OPTIONS["challenge"], "origin": SITE} | client
    response = {
        "clientDataJSON": encoded(json.dumps(known).encode()),
        "authenticatorData": encoded(bytes(37)),
        "signature": encoded(b"signature"),
        "userHandle": None,
    }
    return {"id": "aWQ", "rawId": "aWQ", "type": "public-key", "response": response}
