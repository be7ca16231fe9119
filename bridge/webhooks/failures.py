"""Maps errors of the network, TLS and the HTTP client to the port's `Failure`. Pure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpcore

from bridge.contract.errors import CodedError
from bridge.ports import Failure, PostAnswer


class ForbiddenAddress(CodedError):
    """A callback URL resolves to an address that webhooks must not reach."""

    code = "forbidden_callback"
    transient = False


#: The errors that `answer_to` maps.
POST_ERRORS = (ForbiddenAddress, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)
#: In order: the first match in the chain of causes decides, since the client wraps the system's errors.
_FAILURES: tuple[tuple[type[BaseException], Failure], ...] = (
    (ForbiddenAddress, Failure.FORBIDDEN),
    (httpcore.TimeoutException, Failure.TIMED_OUT),
    (TimeoutError, Failure.TIMED_OUT),
    (socket.gaierror, Failure.HOST_UNKNOWN),
    (ssl.SSLError, Failure.TLS_FAILED),
    (ConnectionRefusedError, Failure.CONNECTION_REFUSED),
    (ConnectionError, Failure.BROKEN_OFF),
    (httpcore.ReadError, Failure.BROKEN_OFF),
    (httpcore.WriteError, Failure.BROKEN_OFF),
    (httpcore.ProtocolError, Failure.BROKEN_OFF),
)


def answer_to(error: BaseException) -> PostAnswer:
    """The outcome of a post that raised one of `POST_ERRORS`."""
    chain = list(_chain(error))
    for kind, failure in _FAILURES:
        for link in chain:
            if isinstance(link, kind):
                return PostAnswer(failure=failure, detail=_text(link))
    return PostAnswer(failure=Failure.UNREACHABLE, detail=_text(chain[-1]))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
