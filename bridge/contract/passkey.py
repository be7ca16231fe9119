"""The passkey step of a pairing: what is published while WhatsApp asks for it, and what an answer must be. Pure.

Only WhatsApp can verify an answer; the check here finds what it would refuse for certain, and says so in words.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from bridge.contract.details import PasskeyDetail
from bridge.contract.errors import InvalidRequest, Refused
from bridge.contract.payload import VERSION, Instant, Payload


class Passkey(Payload):
    """`<prefix>/<session>/passkey`, retained while WhatsApp asks for the account's passkey; then it is cleared.

    First with `options` and `line`, to be answered by `control` `passkey`. If WhatsApp wants two codes compared after
    that, `code` comes instead, to be confirmed by `control` `passkey_confirm`. With none of them, WhatsApp is at work.
    """

    v: Literal[1] = VERSION
    session: str = Field(description="the session's name")
    origin: str = Field(description="the site on whose page the browser must be asked")
    expires_at: Instant = Field(description="when WhatsApp stops waiting")
    options: dict[str, Any] | None = Field(default=None, description="WebAuthn's request options, as JSON")
    line: str | None = Field(default=None, description="JavaScript for the console of a tab of `origin`")
    code: str | None = Field(default=None, description="the code that the phone must show, too")


def console_line(options: Mapping[str, Any]) -> str:
    """The line that makes a browser ask for the passkey, and print the answer or why there is none."""
    return (
        "navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON("
        f"{json.dumps(options)})}}).then((answer) => answer.toJSON(), ({{name, message}}) => "
        "({error: `${name}: ${message}`})).then((answer) => console.log(JSON.stringify(answer)))"
    )


def normal_code(text: str) -> str:
    """A code as WhatsApp writes it: `abcd-1234` is `ABCD1234`."""
    return text.replace("-", "").replace(" ", "").upper()


def check_answer(answer: Mapping[str, Any], options: Mapping[str, Any], origin: str) -> None:
    """Check an answer to `options`, made on a page of `origin`, as the console line prints it.

    Raises `Refused` if the browser made none, `InvalidRequest` if it is no answer, or one for another request or site.
    """
    if "error" in answer:
        text = f"The browser gave no passkey ({str(answer['error'])[:200]})."
        raise Refused(text, detail=PasskeyDetail.NOT_GIVEN)
    try:
        response = answer["response"]
        for text in (answer["id"], answer["rawId"], response["authenticatorData"], response["signature"]):
            _decoded(text)
        client = json.loads(_decoded(response["clientDataJSON"]))
        kind, challenge, made_on = client["type"], str(client["challenge"]).rstrip("="), str(client["origin"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(
            "This is not the answer of a passkey: paste the whole line that the browser's console printed.",
            detail=PasskeyDetail.MALFORMED,
        ) from error
    if kind != "webauthn.get" or answer.get("type") != "public-key":
        raise InvalidRequest("This is not the answer of a passkey.", detail=PasskeyDetail.MALFORMED)
    if made_on != origin:
        raise InvalidRequest(
            f"This answer was made on {made_on[:80]}. Run the line in a tab of {origin}.", detail=PasskeyDetail.ORIGIN
        )
    if challenge != str(options.get("challenge")).rstrip("="):
        raise InvalidRequest(
            "This answer belongs to an earlier request: run the line that is shown now.", detail=PasskeyDetail.OUTDATED
        )


def _decoded(text: object) -> bytes:
    if not isinstance(text, str) or not text:
        raise TypeError("not text")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
