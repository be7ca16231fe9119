"""Errors as HTTP answers: the status is from the contract's table, the form depends on the path.

`/v1` answers problems (RFC 9457), the legacy paths the legacy form. Errors that exist only in HTTP are defined here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from bridge.contract.errors import ERRORS, CodedError, InternalError
from bridge.contract.messages import ErrorInfo
from bridge.contract.payload import valid_text

_STATUS = {code: error.http for code, error in ERRORS.items()}


class HttpError(CodedError):
    """An error of the request as such. `headers` go with the answer."""

    http = 400
    transient = False
    sentence = ""

    def __init__(self, text: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text or self.sentence)
        self.headers = dict(headers or {})


class Unauthorized(HttpError):
    """No credentials, or none that are valid."""

    code, http = "unauthorized", 401
    sentence = "Give a valid API key in x-api-key, or a token in Authorization: Bearer."


class Forbidden(HttpError):
    """The caller is known but may not do this, or requests from its address or site are not answered."""

    code, http = "forbidden", 403
    sentence = "This key may not do that."


class NotFound(HttpError):
    """No such path, or no such item."""

    code, http = "not_found", 404
    sentence = "Not found: no such path."


class NoCampaigns(HttpError):
    """No campaigns service is configured."""

    code, http = "no_campaigns", 404
    sentence = (
        "No campaigns service runs beside this bridge: `wa up` starts one; else start `wa campaigns` and set"
        " WA_CAMPAIGNS_URL."
    )


class CampaignsDown(HttpError):
    """The configured campaigns service does not answer."""

    code, http, transient = "campaigns_down", 503, True
    sentence = "The campaigns service does not answer: is `wa campaigns` running, and is WA_CAMPAIGNS_URL right?"


class NoResponder(HttpError):
    """No responder is configured."""

    code, http = "no_responder", 404
    sentence = (
        "No responder runs beside this bridge: `wa up` starts one; else start `wa responder`, set WA_RESPONDER_URL."
    )


class ResponderDown(HttpError):
    """The configured responder does not answer."""

    code, http, transient = "responder_down", 503, True
    sentence = "The responder does not answer: is `wa responder` running, and is WA_RESPONDER_URL right?"


class BrokerUnchanged(HttpError):
    """The broker has not taken over a change of its users."""

    code, http, transient = "not_reloaded", 503, True
    sentence = "The broker did not take the change over. Try again; the log says more."


class MethodNotAllowed(HttpError):
    """The path exists, but not for this method."""

    code, http = "method_not_allowed", 405
    sentence = "This path does not support this method."


class RequestTimedOut(HttpError):
    """The body did not come in time."""

    code, http, transient = "request_timed_out", 408, True
    sentence = "The request did not arrive in time."


class UnsupportedMediaType(HttpError):
    """The body is not declared as JSON."""

    code, http = "unsupported_media_type", 415
    sentence = "The body must be JSON: send Content-Type: application/json."


class RateLimited(HttpError):
    """Too many requests from this key or address."""

    code, http, transient = "rate_limited", 429, True
    sentence = "Too many requests; see Retry-After."


class HttpTooLarge(HttpError):
    """The body is larger than the limit."""

    code, http = "too_large", 413
    sentence = "The body is too large."


#: The errors that the guard refuses requests with, by status.
GUARD_ERRORS = {
    error.http: error
    for error in (Unauthorized, Forbidden, RequestTimedOut, HttpTooLarge, UnsupportedMediaType, RateLimited)
}


class ReportedError(CodedError):
    """The error of a result or response that was stored or made elsewhere."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(info.text, detail=info.detail_code)
        self.code, self.transient = info.code, info.transient


def status_of(error: CodedError) -> int:
    """The HTTP status of an error: its own, the table's, else 503 for a transient error and 500 for another."""
    if isinstance(error, HttpError):
        return error.http
    return _STATUS.get(error.code) or (503 if error.transient else 500)


def problem(error: CodedError, **more: Any) -> JSONResponse:
    """An error as `application/problem+json`, with further members."""
    status = status_of(error)
    shown = shown_error(error)
    body = {
        "type": f"urn:whatsapp-mqtt-bridge:error:{shown.code}",
        "title": shown.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": valid_text(shown.text),
        "code": shown.code,
        "transient": shown.transient,
        **({"detail_code": shown.detail} if shown.detail else {}),
        **more,
    }
    return JSONResponse(body, status, _headers(error), media_type="application/problem+json")


def legacy_error(error: CodedError, text: str | None = None) -> JSONResponse:
    """An error in the legacy form: `{error, details}`. `text` is the route's own text for it."""
    if isinstance(error, NotFound):
        return JSONResponse({"ok": False, "error": "Ruta no encontrada"}, 404)
    if isinstance(error, Unauthorized):
        return JSONResponse({"error": "Unauthorized"}, 401, _headers(error))
    shown = shown_error(error)
    body: dict[str, Any] = {"error": text or valid_text(shown.text), "details": valid_text(shown.text)}
    return JSONResponse({**body, "code": shown.code}, status_of(error), _headers(error))


def answer(path: str, error: CodedError, text: str | None = None) -> JSONResponse:
    """An error in the form of `path`."""
    return problem(error) if path == "/v1" or path.startswith("/v1/") else legacy_error(error, text)


def shown_error(error: CodedError) -> CodedError:
    """What a caller sees of an error. Those that are not for callers (they may name files) keep only `transient`."""
    if error.code in _STATUS or isinstance(error, HttpError):
        return error
    shown = InternalError()
    shown.transient = error.transient
    return shown


def _headers(error: CodedError) -> dict[str, str] | None:
    return error.headers if isinstance(error, HttpError) else None
