"""The names of kinds, as a JavaScript module for the panel and the responder's page."""

from __future__ import annotations

import functools
import json

from starlette.responses import Response

from bridge.contract.kinds import BY_NAME, VARIANTS, Noun


@functools.cache
def kinds_module() -> str:
    names = {
        name: {"en": _label(kind.noun, kind.noun.en), "es": _label(kind.noun, kind.noun.es), "title": kind.title}
        for name, kind in BY_NAME.items()
        if not kind.is_text
    }
    return (
        "// `kind`, or WhatsApp's type -> what people call it, and where its title stands in the message.\n"
        f"export const kinds = {json.dumps(names, ensure_ascii=False)};\n"
        "// Kinds that WhatsApp's type and a field decide: name -> type, field, value.\n"
        f"export const variants = {json.dumps(VARIANTS)};\n"
    )


def _label(noun: Noun, word: str) -> str:
    return f"{noun.icon} {word[:1].upper()}{word[1:]}".strip()


def kinds_script() -> Response:
    """Served beside the static files of a page as `kinds.js`."""
    return Response(kinds_module(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})
