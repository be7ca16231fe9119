"""The API of the rules: what they are, a text checked and tried, saved; opening hours and quick replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.contract.payload import CleanText
from responder.errors import WrongRules
from responder.file_answers import FileAnswer
from responder.http.context import Surface
from responder.http.request_fields import body_of, surface_of
from responder.rules import QuickReply, Rule, Rules
from responder.rules_editor import RulesText

#: Characters of a rules file; the body of a request may have 1 MB.
LONGEST_FILE = 400_000
_Revision = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RulesDraft(_Body):
    """A text of a rules file that is not saved."""

    text: Annotated[str, Field(max_length=LONGEST_FILE)]


class RulesSave(RulesDraft):
    """The text to save over the one with `revision`."""

    revision: _Revision


class RulesTrial(_Body):
    """A sentence of a customer; `text` None tries it on the rules in force."""

    message: Annotated[CleanText, Field(min_length=1, max_length=4_096)]
    text: Annotated[str | None, Field(max_length=LONGEST_FILE)] = None


class HoursSave(_Body):
    """`days` from Monday on, as `09:00-13:00, 15:00-19:00`; an empty one is closed, unless all are."""

    days: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=7, max_length=7)]
    closed_text: Annotated[str, Field(max_length=4_096)]
    revision: _Revision


class TemplatesSave(_Body):
    """All quick replies, in their order."""

    templates: Annotated[list[QuickReply], Field(max_length=200)]
    revision: _Revision


async def rules(request: Request) -> Response:
    """The text of the rules, what they say, and the hours in force."""
    surface = surface_of(request)
    return JSONResponse(await _state(surface, await asyncio.to_thread(surface.editor.read)))


async def check(request: Request) -> Response:
    """What the rules of a text are, or its mistakes with their lines; saves nothing."""
    surface, draft = surface_of(request), await body_of(request, RulesDraft)
    try:
        found = await asyncio.to_thread(surface.editor.check, draft.text)
    except WrongRules as error:
        return JSONResponse({"rules": None, "mistakes": _mistakes(error)})
    return JSONResponse({"rules": [_shown(rule) for rule in found.rules], "mistakes": []})


async def try_sentence(request: Request) -> Response:
    """Which rule answers a sentence, and how."""
    surface, trial = surface_of(request), await body_of(request, RulesTrial)
    if trial.text is None:
        return JSONResponse(_tried(surface, surface.rules.rules, trial.message))
    try:
        found = await asyncio.to_thread(surface.editor.check, trial.text)
    except WrongRules as error:
        return JSONResponse({"rule": None, "mistakes": _mistakes(error)})
    return JSONResponse(_tried(surface, found, trial.message))


async def save(request: Request) -> Response:
    """Save a text as the rules file."""
    saved = await body_of(request, RulesSave)
    return await _saved(request, lambda surface: surface.editor.save(saved.text, saved.revision))


async def save_hours(request: Request) -> Response:
    """Save the opening hours in the rules file."""
    saved = await body_of(request, HoursSave)
    return await _saved(
        request, lambda surface: surface.editor.set_hours(saved.days, saved.closed_text, saved.revision)
    )


async def save_templates(request: Request) -> Response:
    """Save the quick replies in the rules file."""
    saved = await body_of(request, TemplatesSave)
    return await _saved(request, lambda surface: surface.editor.set_templates(saved.templates, saved.revision))


async def templates(request: Request) -> Response:
    """The quick replies, for those who answer."""
    found = surface_of(request).rules.rules.templates
    return JSONResponse({"templates": [one.model_dump() for one in found]})


routes = [
    Route("/api/rules", rules),
    Route("/api/rules", save, methods=["PUT"]),
    Route("/api/rules/check", check, methods=["POST"]),
    Route("/api/rules/try", try_sentence, methods=["POST"]),
    Route("/api/rules/hours", save_hours, methods=["PUT"]),
    Route("/api/rules/templates", save_templates, methods=["PUT"]),
    Route("/api/templates", templates),
]


async def _saved(request: Request, change: Callable[[Surface], RulesText]) -> Response:
    surface = surface_of(request)
    async with surface.saving:
        written = await asyncio.to_thread(change, surface)
    surface.changes.notify([None])
    return JSONResponse(await _state(surface, written))


async def _state(surface: Surface, read: RulesText) -> dict[str, Any]:
    try:
        found: Rules | None = await asyncio.to_thread(surface.editor.check, read.text)
        mistakes: list[dict[str, Any]] = []
    except WrongRules as error:
        found, mistakes = None, _mistakes(error)
    in_force = surface.rules.rules
    opening = surface.opening()
    return {
        "text": read.text,
        "revision": read.revision,
        "path": str(surface.editor.path),
        "own": read.is_own,
        "rules": [_shown(rule) for rule in (found or in_force).rules],
        "mistakes": mistakes,
        "hours": {
            "days": opening.hours.by_day(),
            "closed_text": opening.closed_text,
            "zone": str(surface.settings.zone),
            "in_file": in_force.hours is not None,
            "open_now": surface.is_open(surface.chat_time()),
        },
        "templates": [one.model_dump() for one in in_force.templates],
        "model": surface.model is not None,
    }


def _tried(surface: Surface, tried: Rules, message: str) -> dict[str, Any]:
    answer = tried.answer(message)
    return {
        "rule": answer and answer.rule,
        "language": answer and answer.language,
        "answer": answer and answer.text,
        "file": answer.file.content.kind if answer and answer.file else None,
        "forbidden": answer and tried.forbids(answer.text),
        "model": surface.model is not None,
        "mistakes": [],
    }


def _shown(rule: Rule) -> dict[str, Any]:
    """A rule for people to read: phrases as they are compared."""
    return {
        "name": rule.name,
        "when": [
            {
                "language": language,
                **{kind: list(phrases) for kind in _KINDS if (phrases := getattr(pattern, kind))},
                **({"matches": [one.pattern for one in pattern.matches]} if pattern.matches else {}),
            }
            for language, pattern in rule.when.items()
        ],
        "answers": [
            {"language": language, "texts": [one.text if isinstance(one, FileAnswer) else one for one in answers]}
            for language, answers in rule.answer.items()
        ],
    }


_KINDS = ("whole", "starts", "contains", "needs")


def _mistakes(error: WrongRules) -> list[dict[str, Any]]:
    return [{"line": one.line, "text": one.text} for one in error.mistakes]
