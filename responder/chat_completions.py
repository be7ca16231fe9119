"""The wire of chat completions: request parameters, responses, and the errors of many servers. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from bridge.contract.text_normalize import is_visible
from responder.errors import ModelFailed
from responder.reasoning import without_reasoning

#: Characters of a server's sentence that an operator reads.
LONGEST_REASON = 200
#: Statuses of a server that may answer the same request later.
_TRANSIENT = frozenset({408, 409, 425, 429})
#: Statuses that concern this prompt alone: another one may be answered.
_OF_THE_PROMPT = frozenset({400, 413, 422})
#: Codes of a 429 that no waiting mends.
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"})
#: The status of an error that a server sent with status 200, by its code.
_STATUS_OF = {
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "content_filter": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "insufficient_quota": 429,
    "model_not_found": 404,
    "not_found_error": 404,
}
_CUT = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "recitation", "prohibited_content", "blocklist"})
_BROKEN = frozenset({"error", "insufficient_system_resource"})
#: The end of a sentence or line. A digit before the period may be the beginning of a list, an ellipsis a half thought.
_SENTENCE_END = re.compile(r"(?:[^\W\d_][.](?!\w)|[)»”\"'][.]|[!?…](?![!?…])|[^:\s](?=\s*\n))[\"'»”)]*")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: A prompt that is too long, or an answer that did not fit, is no fault of the parameter that its sentence names.
_NOT_THE_PARAMETER = re.compile(r"context|could not finish|higher max", re.IGNORECASE)


class CompletionOutcome(StrEnum):
    """The outcome of a request that the server answered."""

    ANSWERED = "answered"
    CUT = "cut"  # the token limit ended it; the text ends at its last whole sentence, and may be empty
    EMPTY = "empty"
    REFUSED = "refused"
    TOOL_CALL = "tool_call"
    FILTERED = "filtered"


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` is what a customer may read. `detail` is for the operator, and empty if ANSWERED."""

    text: str
    outcome: CompletionOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ServerReason:
    """An error in the server's words: one line without control characters."""

    code: str = ""
    sentence: str = ""
    parameter: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.code, self.sentence)))


@dataclass(slots=True)
class Parameters:
    """The parameters that the server takes, learned from its refusals: not every model knows `max_tokens`, and some
    refuse every temperature but their own."""

    temperature: float
    max_tokens: int
    _limits: list[str] = field(default_factory=lambda: ["max_tokens", "max_completion_tokens"])
    _takes_temperature: bool = True

    def fields(self) -> dict[str, float]:
        """The parameters of a request."""
        fields: dict[str, float] = {"temperature": self.temperature} if self._takes_temperature else {}
        return fields | dict.fromkeys(self._limits[:1], self.max_tokens)

    def learn(self, sent: Mapping[str, Any], reason: ServerReason) -> str | None:
        """The parameter among those `sent` that is refused, left out from now on; None if it is another."""
        if _NOT_THE_PARAMETER.search(f"{reason.code} {reason.sentence}"):
            return None
        for name in ("max_tokens", "max_completion_tokens", "temperature"):
            named = name == reason.parameter if reason.parameter else re.search(rf"\b{name}\b", reason.sentence)
            if name in sent and named:
                self._takes_temperature &= name != "temperature"
                self._limits = [limit for limit in self._limits if limit != name]
                return name
        return None


def completion_of(body: object) -> Completion:
    """The completion in a response with status 200. Raises ModelFailed."""
    if isinstance(body, str):
        raise ModelFailed(f"{reason_of(body)}, not a completion; check OPENAI_BASE_URL")
    if not isinstance(body, dict):
        raise ModelFailed("The response is not a completion")
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    for holder in (body, choice):
        if isinstance(holder, dict) and holder.get("error"):
            raise failure_of(_status_of(holder["error"]), _reason(holder))
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise ModelFailed("The response has no message")
    finish = str(choice.get("finish_reason") or "").lower()
    if finish in _BROKEN:
        raise ModelFailed(f"The server ended the answer: {finish}")
    return _completion(message, finish)


def _completion(message: Mapping[str, Any], finish: str) -> Completion:
    written = _content(message.get("content"))
    text = without_reasoning(printable(written))
    text = text if is_visible(text) else ""
    if finish in _FILTERED:
        return Completion("", CompletionOutcome.FILTERED, f"the server's filter stopped it ({finish})")
    if message.get("refusal"):
        return Completion("", CompletionOutcome.REFUSED, "the model refused to answer")
    if finish in ("tool_calls", "function_call") or message.get("tool_calls") or message.get("function_call"):
        return Completion("", CompletionOutcome.TOOL_CALL, "the model called a tool; there are none")
    if finish in _CUT:
        whole = _whole_sentences(text)
        end = "it is sent up to its last whole sentence" if whole else "nothing of it can be sent"
        return Completion(
            whole, CompletionOutcome.CUT, f"the token limit ended the answer; {end}; raise OPENAI_MAX_TOKENS"
        )
    if text:
        return Completion(text, CompletionOutcome.ANSWERED)
    return Completion(
        "", CompletionOutcome.EMPTY, "the answer has reasoning only" if is_visible(written) else "it has no text"
    )


def failure_of(status: int, reason: ServerReason, *, retry_after: float | None = None) -> ModelFailed:
    """The failure that a status and the server's reason mean; status 0 is an error without one."""
    transient = (status == 0 or status in _TRANSIENT or status >= 500) and reason.code not in _QUOTA
    text = ", ".join(filter(None, (f"HTTP {status}" if status else "", str(reason)))) or "an error without a reason"
    return ModelFailed(text, retry_after=retry_after, transient=transient, of_prompt=status in _OF_THE_PROMPT)


def reason_of(text: str) -> ServerReason:
    """The reason in the body of an error: JSON in the forms of many servers, a page, or text."""
    try:
        return _reason(json.loads(text))
    except (ValueError, RecursionError):
        pass
    start = text[:20_000]
    if "<" not in start:
        return ServerReason(sentence=_line(start))
    title = re.search(r"<title[^<>]*>([^<]{1,300})", start, re.IGNORECASE)
    words = title[1] if title else re.sub(r"<[^<>]*>", " ", start)
    return ServerReason(sentence=f"an HTML page («{_line(html.unescape(words))[:100]}»)")


def retry_after_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the server wants to be asked again; `now` is unix seconds, for the form that is a date."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * factor
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now, 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _reason(body: object) -> ServerReason:
    error = body
    if isinstance(body, dict):
        error = next((body[name] for name in ("error", "errors", "detail", "message") if body.get(name)), body)
        if isinstance(error, str) and isinstance(body.get("code"), (str, int)):
            return ServerReason(_line(body["code"]), _line(error))
    if isinstance(error, list) and error:
        error = error[0]
    if not isinstance(error, dict):
        return ServerReason(sentence=_line(error) if isinstance(error, (str, int)) else "")
    # FastAPI's errors have `loc` and `msg`; their `input` may hold a customer's text
    place = error.get("loc")
    parameter = error.get("param") or (place[-1] if isinstance(place, list) and place else "")
    sentence = next((error[name] for name in ("message", "msg", "detail", "reason") if error.get(name)), "")
    code = error.get("code") or error.get("type") or error.get("status") or ""
    return ServerReason(_line(code), _line(sentence), str(parameter) if isinstance(parameter, str) else "")


def _status_of(error: object) -> int:
    code = (error.get("code") or error.get("status") or error.get("type")) if isinstance(error, dict) else None
    if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()):
        status = int(code)
        return status if 400 <= status < 600 else 0
    return _STATUS_OF.get(str(code), 0)


def _content(content: object) -> str:
    """The text of a content: a text, or a list of parts of which only those of type `text` are meant for the reader."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, Sequence):
        raise ModelFailed("The answer is not a text")
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def printable(text: str) -> str:
    """Without control characters and halves of surrogate pairs, which databases and the bridge refuse."""
    return _UNPRINTABLE.sub("", text)


def _whole_sentences(text: str) -> str:
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else ""


def _line(value: object) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)[:2_000]).split())[:LONGEST_REASON]
