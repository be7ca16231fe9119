"""Why a post got no answer: what the network, TLS or the HTTP client raised, as one of the port's reasons. Pure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpcore

from bridge.contract.errors import CodedError
from bridge.ports import Failure, PostAnswer


class ForbiddenAddress(CodedError):
    """A callback leads to where callbacks must not go."""

    code = "forbidden_callback"
    transient = False


#: What `answer_to` knows about.
FAULTS = (ForbiddenAddress, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)
#: In order: the first kind of error in the chain decides, since the client wraps what the system said.
_MEANINGS: tuple[tuple[type[BaseException], Failure], ...] = (
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
    """The answer that stands for an error of `FAULTS`."""
    chain = list(_chain(error))
    for kind, failure in _MEANINGS:
        for link in chain:
            if isinstance(link, kind):
                return PostAnswer(failure=failure, detail=_said(link))
    return PostAnswer(failure=Failure.UNREACHABLE, detail=_said(chain[-1]))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
