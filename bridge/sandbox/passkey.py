"""The passkey step of a pairing: what the service asks of a page, and how it checks the answer.

Pure. The step comes after the scan or the typed code, if `SandboxSettings.passkey` is on. The account's passkey is a
WebAuthn credential for `localhost`: browsers allow no other name without a certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from bridge.sandbox.changes import Listener, PasskeyAnswered, PasskeyRequested, Touched
from bridge.sandbox.records import PasskeyOutcome, State

RP_ID = "localhost"
#: Seconds that an answer may take.
LIFE = 600.0
#: Seconds until the phone answers.
_PHONE = 0.1
#: WebAuthn's flags: a person was present, and was verified.
_PRESENT, _VERIFIED = 0x01, 0x04


class PasskeyAsked(LookupError):
    """The code was taken; the account asks for its passkey on the page that showed it."""


class PasskeyRefused(ValueError):
    """The service does not accept an answer; the text says why."""


@dataclass(slots=True)
class PasskeyStep:
    """The step of one page. `code` is set once the phone has answered; the page pairs when it confirms it."""

    challenge: str
    until: float
    answers_at: float | None = None
    code: str | None = None


class Passkeys:
    """The steps that are open, by page in pairing."""

    def __init__(self, state: State, now: Callable[[], float], new_id: Callable[[], str], notify: Listener) -> None:
        self._state = state
        self._now = now
        self._new_id = new_id
        self._notify = notify
        self.steps: dict[str, PasskeyStep] = {}

    def register(self, credential: str, public_key: str) -> None:
        """Give the account a passkey: its credential id and its key (DER), in base64url. Raises `ValueError`."""
        key = load_der_public_key(_bytes(public_key))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("Only ES256 keys are known here.")  # noqa: TRY004 - the text of a request
        self._state.passkeys[credential] = public_key

    def request(self, slot: str) -> None:
        """Ask a page for the passkey, after its code was taken."""
        self._notify(PasskeyRequested(slot, self.options(slot)))

    def options(self, slot: str) -> dict[str, Any]:
        """Request options with a new challenge; earlier ones of this page are void."""
        challenge = base64.urlsafe_b64encode(self._new_id().encode() * 2).rstrip(b"=").decode()
        self.steps[slot] = PasskeyStep(challenge, self._now() + LIFE)
        return {
            "challenge": challenge,
            "timeout": int(LIFE * 1000),
            "rpId": RP_ID,
            "allowCredentials": [],
            "userVerification": "required",
            "extensions": {"uvm": True},
        }

    def cancel(self, slot: str) -> None:
        """The page started its pairing again, or is gone."""
        self.steps.pop(slot, None)

    def take(self, slot: str, assertion: dict[str, Any], origin: str) -> None:
        """The page's answer, made in a page of `origin`. Raises `PasskeyRefused`."""
        step = self.steps.get(slot)
        if step is None:
            raise PasskeyRefused("There is no passkey request.")
        if self._now() > step.until:
            raise PasskeyRefused("The passkey request is too old.")
        self._verify(step, assertion, origin)
        if self._state.settings.passkey_outcome is not PasskeyOutcome.SILENT:
            step.answers_at = self._now() + _PHONE
        self._notify(Touched())

    def next_due(self) -> float | None:
        """When the next phone answers; unix seconds."""
        return min((step.answers_at for step in self.steps.values() if step.answers_at is not None), default=None)

    def advance(self) -> None:
        """Let the phones answer that are due."""
        for slot, step in list(self.steps.items()):
            if step.answers_at is None or step.answers_at > self._now():
                continue
            step.answers_at = None
            if self._state.settings.passkey_outcome is PasskeyOutcome.NORMAL:
                step.code = self._new_id()[:8].upper()
            self._notify(PasskeyAnswered(slot, step.code))

    def confirm(self, slot: str) -> None:
        """The page says that the codes are equal. Raises `PasskeyRefused` if there is none to confirm."""
        step = self.steps.get(slot)
        if step is None or step.code is None:
            raise PasskeyRefused("There is no code to confirm.")
        del self.steps[slot]

    def _verify(self, step: PasskeyStep, assertion: dict[str, Any], origin: str) -> None:
        try:
            response = assertion["response"]
            client_json = _bytes(response["clientDataJSON"])
            authenticator, signature = _bytes(response["authenticatorData"]), _bytes(response["signature"])
            client = json.loads(client_json)
            found = (client["type"], client["challenge"].rstrip("="), client["origin"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PasskeyRefused("This is no answer of a passkey.") from error
        for value, expected, what in zip(found, ("webauthn.get", step.challenge, origin), _CLIENT, strict=True):
            if value != expected:
                raise PasskeyRefused(f"The answer has another {what}: {value}.")
        if authenticator[:32] != hashlib.sha256(RP_ID.encode()).digest():
            raise PasskeyRefused("The passkey belongs to another site.")
        if not authenticator[32] & _PRESENT or not authenticator[32] & _VERIFIED:
            raise PasskeyRefused("The person was not verified.")
        public_key = self._state.passkeys.get(str(assertion.get("id")))
        if public_key is None:
            raise PasskeyRefused("The account does not have this passkey.")
        key = load_der_public_key(_bytes(public_key))
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - `register` takes no other
        signed = authenticator + hashlib.sha256(client_json).digest()
        try:
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise PasskeyRefused("The signature is wrong.") from error


_CLIENT = ("type", "challenge", "origin")


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(f"{text[:20]} is not base64url.") from error
