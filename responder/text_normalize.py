"""Normalizes text for comparison: «¡Holaaa, BUENAS tardes!!» becomes `hola buenas tardes`.

Pure. For comparison only: what is recorded, answered or sent to the model stays as written.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

#: A letter three times or more, or twice at the end of a word: `holaaa`, `buenass`; not the rr of `perro`.
_RUN = re.compile(r"([^\W\d_])(?:\1{2,}|\1+(?=\s|$))")
_NOT_A_WORD = re.compile(r"[^\w]+")
#: Longer texts are compared by their beginning: no phrase is longer, and the time stays bounded.
LONGEST = 2_000


def plain(text: str) -> str:
    """Lower case, no accents, no punctuation or emoji, one space between words, no repeated letters.

    Phrases and texts are normalized alike: `holaaa` is `hola`, and `class` still matches `class`.
    """
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _RUN.sub(r"\1", _NOT_A_WORD.sub(" ", letters).strip())


def contains_phrase(text: str, phrase: str) -> bool:
    """Whether `text` contains `phrase` as whole words; both are `plain`."""
    return bool(phrase) and f" {phrase} " in f" {text} "


def made_of(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether `text` consists of the phrases and nothing else; all are `plain`.

    The longest phrase is tried first, so `buenas` does not consume the beginning of `buenas tardes`.
    """
    ordered = sorted(filter(None, phrases), key=len, reverse=True)
    rest = f"{text} "
    while rest.strip():
        for phrase in ordered:
            if rest.startswith(f"{phrase} "):
                rest = rest[len(phrase) + 1 :]
                break
        else:
            return False
    return bool(text)


def fingerprint(text: str) -> str:
    """A hash that is equal for texts that differ in case, accents, spaces and punctuation only.

    Texts without a letter or digit (emoji, `?`) are hashed as they are; long texts in full.
    """
    folded = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    words = _NOT_A_WORD.sub(" ", folded).strip()
    return hashlib.sha256((words or text.strip()).encode("utf-8", "replace")).hexdigest()
