"""What servers answer, and what becomes of it: over HTTP where a request is made, else the pure functions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from responder.chat_completions import CompletionOutcome, completion_of, reason_of, retry_after_of
from responder.errors import ModelFailed
from responder.faults import FaultLog
from responder.model import Model, ModelOptions
from responder.prompt import ChatMessage
from responder.timing import ModelTiming
from tests.responder.openai_server import OpenAiServer, completion

ASKED: list[ChatMessage] = [{"role": "user", "content": "¿Abren mañana?"}]


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def model(server: OpenAiServer) -> AsyncIterator[Model]:
    options = ModelOptions(SecretStr("sk-secret-of-the-test"), server.url, timeout=2)
    faults = FaultLog(time.time, lambda _: None)
    model = Model(options, asyncio.get_running_loop().time, faults, ModelTiming(retry=0.01))
    await model.load()
    yield model
    await model.close()


def message(finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": finish, "message": {"role": "assistant", **fields}}]}


@pytest.mark.parametrize(
    ("body", "text", "outcome"),
    [
        (message(content="Hola"), "Hola", CompletionOutcome.ANSWERED),
        (message(None, content="Hola"), "Hola", CompletionOutcome.ANSWERED),
        (message(content="<think>40%</think>Hola"), "Hola", CompletionOutcome.ANSWERED),
        (message(content="Hola", reasoning_content="40%", reasoning="40%"), "Hola", CompletionOutcome.ANSWERED),
        (message(content="", reasoning_content="40%"), "", CompletionOutcome.EMPTY),
        (message(content="<think>40%"), "", CompletionOutcome.EMPTY),
        (message(content=None), "", CompletionOutcome.EMPTY),
        (message(content="\u200b\u200d\ufeff \u2800"), "", CompletionOutcome.EMPTY),
        (message(content="Ho\x00la\x1b[31m"), "Hola[31m", CompletionOutcome.ANSWERED),
        (message(content="Hola \ud83d"), "Hola", CompletionOutcome.ANSWERED),
        (
            message(content=[{"type": "thinking", "thinking": "40%"}, {"type": "text", "text": "Hola"}]),
            "Hola",
            CompletionOutcome.ANSWERED,
        ),
        (message("length", content="Sí. Abrimos de lunes a viernes y los sába"), "Sí.", CompletionOutcome.CUT),
        (message("length", content="Hay:\n- Pan\n- Lech"), "Hay:\n- Pan", CompletionOutcome.CUT),
        (message("length", content="Hay:\n1. Pan\n2. Le"), "Hay:\n1. Pan", CompletionOutcome.CUT),
        (
            message("length", content="Cuesta 1.50 y ¡no más! Pero www.tienda.com tie"),
            "Cuesta 1.50 y ¡no más!",
            CompletionOutcome.CUT,
        ),
        (message("length", content="Abrimos de lunes a viernes y los sába"), "", CompletionOutcome.CUT),
        (message("length", content="<think>40%. No decirlo. Y"), "", CompletionOutcome.CUT),
        (message("length", content=None), "", CompletionOutcome.CUT),
        (message(content=None, refusal="I can't help with that."), "", CompletionOutcome.REFUSED),
        (message("tool_calls", content="Un momento", tool_calls=[{"id": "1"}]), "", CompletionOutcome.TOOL_CALL),
        (message("function_call", content=None), "", CompletionOutcome.TOOL_CALL),
        (message("content_filter", content="Ho"), "", CompletionOutcome.FILTERED),
        (message("SAFETY", content=None), "", CompletionOutcome.FILTERED),
    ],
)
def test_what_of_a_response_a_customer_reads(body: object, text: str, outcome: CompletionOutcome) -> None:
    found = completion_of(body)
    assert (found.text, found.outcome) == (text, outcome)
    assert bool(found.detail) is (outcome is not CompletionOutcome.ANSWERED)


@pytest.mark.parametrize(
    ("body", "sentence", "transient"),
    [
        ({"error": {"code": 429, "message": "Rate limited"}}, "HTTP 429, 429: Rate limited", True),
        (
            {"error": {"code": "model_not_found", "message": "No model x"}},
            "HTTP 404, model_not_found: No model x",
            False,
        ),
        ({"error": "model 'x' not found"}, "model 'x' not found", True),
        ({"choices": [{"error": {"message": "Upstream died"}}]}, "Upstream died", True),
        ("<html><title>Welcome to nginx!</title>", "an HTML page («Welcome to nginx!»), not a completion", True),
        (message("error", content="Ho"), "ended the answer: error", True),
    ],
)
def test_an_error_with_status_200_is_a_failure_with_its_reason(body: object, sentence: str, transient: bool) -> None:
    with pytest.raises(ModelFailed) as failed:
        completion_of(body)
    assert sentence in failed.value.text
    assert failed.value.transient is transient


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            '{"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}',
            "invalid_api_key: Incorrect API key",
        ),
        ('{"error": {"message": "Bad", "type": "invalid_request_error", "code": null}}', "invalid_request_error: Bad"),
        ('{"error": "model \'x\' not found, try pulling it"}', "model 'x' not found, try pulling it"),
        ('{"object": "error", "message": "Too long", "code": 400}', "400: Too long"),
        (
            '{"detail": [{"loc": ["body", "model"], "msg": "required", "type": "missing", "input": "hola"}]}',
            "missing: required",
        ),
        ('{"detail": "Not Found"}', "Not Found"),
        ('[{"error": {"message": "API key not valid", "status": "INVALID"}}]', ""),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "an HTML page («502 Bad Gateway»)"),
        ("<h1>Not <b>here</b></h1>", "an HTML page («Not here»)"),
        ("no healthy\n\x1b[31mupstream", "no healthy [31mupstream"),
        ("", ""),
        ('{"error": {"message": "' + "x" * 900 + '"}}', "x" * 200),
    ],
)
def test_the_operator_reads_the_servers_reason(body: str, reason: str) -> None:
    assert str(reason_of(body)) == reason


async def test_the_reason_of_a_refused_request_is_read_and_never_holds_the_key(
    model: Model, server: OpenAiServer
) -> None:
    server.script = [
        (401, b'{"error": {"code": "invalid_api_key", "message": "Incorrect API key sk-secret-of-the-test"}}'),
        (502, "<title>502 Bad Gateway</title>"),
        (502, "<title>502 Bad Gateway</title>"),
        (502, "<title>502 Bad Gateway</title>"),
        (200, "<title>Welcome to nginx!</title>"),
    ]
    with pytest.raises(ModelFailed, match=r"HTTP 401, invalid_api_key: Incorrect API key \*\*\*"):
        await model.complete(ASKED)
    with pytest.raises(ModelFailed, match="HTTP 502, an HTML page"):
        await model.complete(ASKED)
    server.script[1:] = [server.script[0]] * 2
    with pytest.raises(ModelFailed, match="Welcome to nginx"):
        await model.complete(ASKED)


async def test_an_exhausted_quota_is_not_asked_again(model: Model, server: OpenAiServer) -> None:
    server.script = [(429, b'{"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}')]
    with pytest.raises(ModelFailed, match="insufficient_quota") as failed:
        await model.complete(ASKED)
    assert not failed.value.transient
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_prompt_that_is_refused_does_not_silence_other_chats(
    model: Model, server: OpenAiServer, status: int
) -> None:
    server.script = [(status, b'{"error": {"message": "prompt is too long"}}')] * 8
    for _ in range(8):
        with pytest.raises(ModelFailed, match="too long"):
            await model.complete(ASKED)
    assert await model.complete(ASKED) == "Sobre «¿Abren mañana?»: sí."


def reasoning_model(request: dict[str, Any]) -> dict[str, Any] | None:
    """The refusals of OpenAI's reasoning models."""
    if "max_tokens" in request:
        text = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return {"message": text, "param": "max_tokens", "code": "unsupported_parameter"}
    if "temperature" in request:
        text = "Unsupported value: 'temperature' does not support 0.7 with this model."
        return {"message": text, "param": "temperature", "code": "unsupported_value"}
    return None


async def test_a_model_that_refuses_max_tokens_and_temperature_is_asked_without_them(
    model: Model, server: OpenAiServer
) -> None:
    server.refuse = reasoning_model
    for _ in range(2):
        assert await model.complete(ASKED) == "Sobre «¿Abren mañana?»: sí."
    assert len(server.asked) == 4  # the refusals are remembered
    assert server.asked[-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert model.usage.failures == 0


@pytest.mark.parametrize(
    "error",
    [
        {"message": "max_tokens: Extra inputs are not permitted"},
        {"message": "max_completion_tokens: unknown field"},
    ],
)
async def test_a_server_without_any_limit_parameter_is_asked_without(
    model: Model, server: OpenAiServer, error: dict[str, Any]
) -> None:
    def refuse(request: dict[str, Any]) -> dict[str, Any] | None:
        name = next((name for name in ("max_tokens", "max_completion_tokens") if name in request), None)
        return {"message": f"{name}: Extra inputs are not permitted"} if name else None

    server.refuse = refuse
    assert await model.complete(ASKED) == "Sobre «¿Abren mañana?»: sí."
    assert server.asked[-1].keys() == {"model", "messages", "temperature"}


async def test_a_prompt_that_is_too_long_teaches_nothing_about_parameters(model: Model, server: OpenAiServer) -> None:
    text = "'max_tokens' is too large: 500. This model's maximum context length is 2048 tokens."
    server.script = [(400, json.dumps({"error": {"message": text}}).encode())]
    with pytest.raises(ModelFailed, match="context length"):
        await model.complete(ASKED)
    await model.complete(ASKED)
    assert server.asked[-1]["max_tokens"] == 500


async def test_every_outcome_is_counted_and_noted(model: Model, server: OpenAiServer) -> None:
    noted: list[tuple[str, str]] = []
    model._faults.publish = lambda fault: noted.append((fault.code, fault.where))
    server.script = [
        completion("Hola"),
        completion("Sí. Y los sába", finish="length"),
        completion(None, finish="length"),
        completion(""),
        completion("x", finish="content_filter"),
        json.dumps(message(content=None, refusal="No.")).encode(),
        json.dumps(message("tool_calls", content=None)).encode(),
    ]
    answers = [await model.complete(ASKED, "54911***01") for _ in range(7)]
    assert answers == ["Hola", "Sí.", "", "", "", "", ""]
    assert noted == [("model_cut", "54911***01")] + [("model_no_answer", "54911***01")] * 5
    counted = {
        CompletionOutcome.ANSWERED: 1,
        CompletionOutcome.CUT: 2,
        CompletionOutcome.EMPTY: 1,
        CompletionOutcome.FILTERED: 1,
    }
    assert model.usage.outcomes == counted | {CompletionOutcome.REFUSED: 1, CompletionOutcome.TOOL_CALL: 1}


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "2500"}, 2.5),
        ({"retry-after-ms": "2500", "retry-after": "9"}, 2.5),
        ({"retry-after": formatdate(NOW + 3, usegmt=True)}, 3),
        ({"retry-after": formatdate(NOW - 3, usegmt=True)}, 0),
        ({"retry-after": "1 Jan 10000000000000 00:00:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_of(headers, NOW) == seconds


def test_a_page_of_tags_that_never_end_takes_little_time() -> None:
    started = time.process_time()
    reason_of("<" * 20_000)
    assert time.process_time() - started < 0.1
