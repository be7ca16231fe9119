"""The language model, over any server with OpenAI's chat completions API.

A request returns an answer or raises `ModelFailed`; what a failure means for a customer (silence) is decided elsewhere.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from responder.chat_completions import Completion, CompletionOutcome, Parameters, completion_of, failure_of
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.openai_endpoint import OpenAiEndpoint, Refusal, ServerOptions
from responder.prompt import ChatMessage
from responder.timing import ModelTiming

_log = logging.getLogger(__name__)
#: Seconds: the upper bounds of the latency histogram, from a local model's first words to a timeout.
LATENCIES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class ModelOptions(ServerOptions):
    """Request parameters. Prices are per million tokens."""

    model: str = "gpt-4o-mini"
    temperature: float = 0.7
    max_tokens: int = 500
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(slots=True)
class Usage:
    """Requests, tokens and cost since the start; `failures` are questions without any response to use."""

    questions: int = 0
    failures: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0  # spent waiting for responses
    #: Questions that the server answered, by what it answered.
    outcomes: Counter[CompletionOutcome] = field(default_factory=Counter)
    #: Requests by latency: one count for each bound of `LATENCIES`, and one for the slower ones.
    took: list[int] = field(default_factory=lambda: [0] * (len(LATENCIES) + 1))

    def waited(self, seconds: float) -> None:
        """Count the latency of a request, whatever its outcome."""
        self.seconds += seconds
        self.took[bisect_left(LATENCIES, seconds)] += 1


class Model:
    """Ready after construction; the library is loaded with the first request. `close` at the end."""

    def __init__(
        self,
        options: ModelOptions,
        clock: Callable[[], float],
        faults: FaultLog,
        timing: ModelTiming,
    ) -> None:
        self._options = options
        self._faults = faults
        self._endpoint = OpenAiEndpoint("model", options, clock, faults, timing)
        self._parameters = Parameters(options.temperature, options.max_tokens)
        self.now = clock
        self.usage = Usage()
        self.breaker = self._endpoint.breaker

    async def complete(self, messages: Sequence[ChatMessage], where: str = "model") -> str:
        """The model's answer without its reasoning; empty if it gave none. Raises ModelFailed.

        `where` names the chat, masked, in the fault of an answer that is empty or was cut.
        """
        try:
            answer = await self._endpoint.ask(lambda: self._request(messages))
        finally:
            self.usage.failures = self._endpoint.failures
        self._note(answer, where)
        return answer.text

    async def load(self) -> None:
        """Load the library now instead of with the first request."""
        await self._endpoint.loaded()

    async def close(self) -> None:
        await self._endpoint.close()

    def _note(self, answer: Completion, where: str) -> None:
        self.usage.outcomes[answer.outcome] += 1
        if answer.outcome is CompletionOutcome.ANSWERED:
            return
        self._faults.note("model_cut" if answer.text else "model_no_answer", where, answer.detail)

    async def _request(self, messages: Sequence[ChatMessage]) -> Completion:
        """Raises ModelFailed. Parameters that the server refuses are left out, and the request is made again."""
        while True:
            body = {"model": self._options.model, "messages": list(messages), **self._parameters.fields()}
            self.usage.questions += 1
            started = self.now()
            try:
                response = await self._endpoint.post("/chat/completions", body)
            finally:
                self.usage.waited(max(self.now() - started, 0.0))
            if not isinstance(response, Refusal):
                return self._completion(response)
            reason = response.reason
            if response.status in (400, 422) and (name := self._parameters.learn(body, reason)):
                _log.warning("The model's server refuses %s (%s); it is no longer sent.", name, reason)
                continue
            raise failure_of(response.status, reason, retry_after=response.retry_after)

    def _completion(self, response: object) -> Completion:
        self._count(response)
        try:
            return completion_of(response)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ModelFailed(f"{type(error).__name__}: {str(error)[:200]}") from error

    def _count(self, completion: object) -> None:
        usage = completion.get("usage") if isinstance(completion, dict) else None
        counts = usage if isinstance(usage, dict) else {}
        given = (counts.get(name) for name in ("prompt_tokens", "completion_tokens"))
        tokens_in, tokens_out = (count if isinstance(count, int) and count > 0 else 0 for count in given)
        self.usage.tokens_in += tokens_in
        self.usage.tokens_out += tokens_out
        self.usage.cost += (tokens_in * self._options.price_in + tokens_out * self._options.price_out) / 1_000_000
