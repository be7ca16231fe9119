"""Text as people write it, brought to one form for comparing: «¡Holaaa, BUENAS tardes!!» is `hola buenas tardes`.

Pure. For comparing only: what is recorded, answered or given to the model stays as it was written.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

#: A letter three times or more, or twice at the end of a word: `holaaa`, `buenass`; not the rr of `perro`.
_RUN = re.compile(r"([^\W\d_])(?:\1{2,}|\1+(?=\s|$))")
_NOT_A_WORD = re.compile(r"[^\w]+")
#: Longer texts are compared by their beginning: no phrase that we look for is longer, and time stays bounded.
LONGEST = 2_000


def plain(text: str) -> str:
    """Lower case, no accents, no punctuation or emoji, one space between words, no drawn-out letters.

    Phrases and texts are treated alike, so that `holaaa` is `hola` and `class` is still found in `class`.
    """
    decomposed = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _RUN.sub(r"\1", _NOT_A_WORD.sub(" ", letters).strip())


def contains_phrase(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text` as whole words; both are `plain`."""
    return bool(phrase) and f" {phrase} " in f" {text} "


def made_of(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether `text` is nothing but some of the phrases, one after the other; all are `plain`.

    The longest phrase is taken first, so `buenas` does not eat the beginning of `buenas tardes`.
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
    """Equal for what a person would call the same message: case, accents, spaces and punctuation aside.

    Texts without a letter or digit (emoji, `?`) count as they are; long texts count to their end.
    """
    folded = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    words = _NOT_A_WORD.sub(" ", folded).strip()
    return hashlib.sha256((words or text.strip()).encode("utf-8", "replace")).hexdigest()
